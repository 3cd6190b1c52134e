"""The GPU service's image as a Modal web server; the platform wants Python for this, and for nothing more."""
import os
import subprocess

import modal

image = modal.Image.from_registry(os.environ.get("ROSA2_IMAGE", "rosa2-gpu:cuda"), add_python="3.12").entrypoint([])
app = modal.App("rosa2-gpu")
keep_warm = int(os.environ.get("ROSA2_KEEP_WARM", "0"))


@app.function(image=image, gpu=os.environ.get("ROSA2_GPU", "L4"), secrets=[modal.Secret.from_name("rosa2-gpu")],
              min_containers=keep_warm, scaledown_window=300, timeout=3600)
@modal.concurrent(max_inputs=64)
@modal.web_server(8790, startup_timeout=600, requires_proxy_auth=True)
def serve():
    subprocess.Popen(["node", "gpu-service/src/main.ts"], cwd="/app")
