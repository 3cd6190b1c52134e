"""PyTorch and peft as a contender: the update's maths in fp32.

A line of JSON on standard input is one call, a line on standard output its answer. A is frozen, B alone moves.
All rows go through one forward and one backward pass, and hooks take each row's own gradient from it: that is
faster than a pass a row.
"""

import json
import math
import sys
import time
import traceback

import numpy
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

lambda_, rho, clip, target = 0.1, 6.0, 2.0, 0.95
# Of one forward pass over samples.
positions_max = 1024


class Peer:
    def load(self, directory, adapter, threads):
        torch.set_num_threads(threads)
        base = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
        self.model = PeftModel.from_pretrained(base, adapter).eval()
        self.model.requires_grad_(False)
        # In the order of the layers and their linears, as in the engine's flat vector.
        self.modules = [
            module for name, module in self.model.named_modules() if name.endswith("lora_B.default")
        ]
        # Gradients flow from the embeddings on; the weights themselves need none.
        embeddings = base.get_input_embeddings()
        embeddings.register_forward_hook(lambda _, __, out: out.requires_grad_(torch.is_grad_enabled()))

    def gradients(self, rows, path):
        """Writes J [rows, D] as fp32 to `path`; returns each row's S."""
        S, J = self.pass_rows(rows, True)
        numpy.asarray(J, dtype="<f4").tofile(path)
        return S.tolist()

    def update(self, rows, passes):
        """Milliseconds of one update from B = 0. The first pass is over the rows, with gradients; a step follows it."""
        for module in self.modules:
            module.weight.zero_()
        start = time.perf_counter()
        S, J = self.pass_rows(rows, True)
        delta = (math.log(target) - S).clamp(0, clip)
        G = (J @ J.T).double() + lambda_ * torch.eye(len(rows), dtype=torch.float64)
        step = J.T @ torch.linalg.solve(G, delta.double()).float()
        step *= min(1.0, rho / step.norm().item())
        at = 0
        for module in self.modules:
            size = module.weight.numel()
            module.weight.add_(step[at : at + size].view_as(module.weight))
            at += size
        states = None
        for one in passes[1:]:
            if one["kind"] == "states":
                states = self.states(one["rows"])
            elif one["kind"] == "divergence":
                self.divergence(states[: one["positions"]], states[: one["positions"]])
            else:
                self.pass_rows(rows, one["kind"] == "gradients")
        return 1000 * (time.perf_counter() - start)

    def states(self, rows):
        """Hidden states [N, C] at the positions that predict the replies, rows of about one length together."""
        order = sorted(rows, key=lambda row: len(row["prompt"]) + len(row["reply"]))
        found = []
        while order:
            count = 1
            while count < len(order) and (count + 1) * self.length(order[count]) <= positions_max:
                count += 1
            group, order = order[:count], order[count:]
            width = self.length(group[-1])
            ids = torch.zeros(count, width, dtype=torch.long)
            for at, row in enumerate(group):
                ids[at, : self.length(row)] = torch.tensor((row["prompt"] + row["reply"])[:-1])
            # Positions after a row's end are not read, and no earlier one sees them.
            h = self.model.base_model.model.model(input_ids=ids, use_cache=False).last_hidden_state
            found += [
                h[at, len(row["prompt"]) - 1 : self.length(row)] for at, row in enumerate(group)
            ]
        return torch.cat(found)

    def length(self, row):
        return len(row["prompt"]) + len(row["reply"]) - 1

    def divergence(self, new, old):
        """[N] KL(new || old) from hidden states [N, C]."""
        head = self.model.base_model.model.lm_head
        new, old = head(new).log_softmax(-1), head(old).log_softmax(-1)
        return (new.exp() * (new - old)).sum(-1)

    def pass_rows(self, rows, with_gradients):
        """Log-probs S of the replies and, if asked for, J: rows i of dS_i/dB. All rows are equally long."""
        ids = torch.tensor([row["prompt"] + row["reply"] for row in rows])
        replies = torch.tensor([row["reply"] for row in rows])
        inputs = ids[:, :-1]
        parts = [None] * len(self.modules)

        def hook(index):
            def forward(_, args, out):
                low = args[0].detach()

                def backward(g):
                    parts[index] = torch.einsum("rto,rtk->rok", g, low).flatten(1)

                out.register_hook(backward)

            return forward

        hooks = []
        if with_gradients:
            hooks = [m.register_forward_hook(hook(i)) for i, m in enumerate(self.modules)]
        with torch.set_grad_enabled(with_gradients):
            kept = replies.shape[1]
            logits = self.model(input_ids=inputs, use_cache=False, logits_to_keep=kept).logits
            S = logits.log_softmax(-1).gather(2, replies.unsqueeze(2)).sum((1, 2))
            if with_gradients:
                S.sum().backward()
        for registered in hooks:
            registered.remove()
        return S.detach(), torch.cat(parts, 1) if with_gradients else None


calls, sys.stdout = sys.stdout, sys.stderr
peer = Peer()
with torch.no_grad():
    for line in sys.stdin:
        call = json.loads(line)
        try:
            answer = {"result": getattr(peer, call["method"])(**call["arguments"])}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=calls, flush=True)
