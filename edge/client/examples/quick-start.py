"""One adapting conversation with Python alone: ask, correct the reply, watch it learn, ask again.

Meant are the last two. Which two is not said, and the model never practised the two operations together.
Needs ROSA2_URL (http://127.0.0.1:8787) and ROSA2_KEY; `npm start` prints both.
"""

import json
import os
import urllib.error
import urllib.request
import uuid


def post(path, body, key=None):
    """The answer to a POST. The same key with the same body gives the same answer: nothing happens or is paid twice."""
    request = urllib.request.Request(
        os.environ["ROSA2_URL"] + "/v1" + path,
        data=json.dumps(body).encode(),
        headers={
            "Authorization": "Bearer " + os.environ["ROSA2_KEY"],
            "Content-Type": "application/json",
            "Idempotency-Key": key or str(uuid.uuid4()),
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)
    except urllib.error.HTTPError as failure:
        error = json.load(failure)["error"]
        raise SystemExit(f"{error['code']}: {error['message']} (request {error['request_id']})")


session = post("/sessions", {"adaptation": {"mode": "both"}})
turns = f"/sessions/{session['id']}/turns"

turn = post(turns, {"content": "Sort them, then take two, in brackets: 3 8 0 5"})
print("reply      ", turn["reply"])

result = post(
    f"{turns}/{turn['id']}/feedback",
    {"reward": -1, "text": "from the end", "correction": "[5 8]", "retry": True},
)
print("model reads", result["words"]["after"])
print("weights    ", result["weights"]["decision"])
print("new reply  ", result["turn"]["reply"])

# Learnt once, right at once: another list, and not a word about it.
after = post(turns, {"content": "Sort them, then take two, in brackets: 4 7 1 9"})
print("another list", after["reply"])  # [7 9]
