/** The manifests fit the schemas of the tools that read them, and the image that they run. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Service as CloudRunService } from "@kubernetes-models/knative/serving.knative.dev/v1/Service";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { Service } from "kubernetes-models/v1/Service";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { rootPath } from "../../edge/local/settings.ts";

const folder = join(rootPath, "gpu-service/deploy");
const dockerfile = readFileSync(join(rootPath, "gpu-service/Dockerfile"), "utf8");
const imagePort = Number(dockerfile.match(/GPU_PORT=(\d+)/)?.[1]);
/** What a service may take to drain after SIGTERM (gpu-service/src/http/serve.ts). */
const drainS = 30;

// biome-ignore lint/suspicious/noExplicitAny: documents are looked into only after their schemas held
type Manifest = any;
type Model = new (data: Manifest) => { validate(): void };
const models: Record<string, Model> = {
  "apps/v1 Deployment": Deployment,
  "v1 Service": Service,
  "policy/v1 PodDisruptionBudget": PodDisruptionBudget,
  "serving.knative.dev/v1 Service": CloudRunService,
};

/** Fields of RunPod's `POST https://rest.runpod.io/v1/pods` that are used here, and no others. */
const runpodSchema = z.strictObject({
  name: z.string().max(191),
  imageName: z.string(),
  computeType: z.enum(["GPU", "CPU"]),
  gpuTypeIds: z.array(z.string()).min(1),
  gpuCount: z.int().min(1),
  cloudType: z.enum(["SECURE", "COMMUNITY"]),
  containerDiskInGb: z.int().min(1),
  volumeInGb: z.int().min(0),
  volumeMountPath: z.string().startsWith("/"),
  ports: z.array(z.string().regex(/^\d+\/(http|tcp)$/)),
  env: z.record(z.string(), z.string()),
});

describe.each(["kubernetes.yaml", "kubernetes-vllm.yaml", "cloud-run.yaml"])("%s", (file) => {
  const manifests = read(file);

  it("fits the schemas of its kinds", () => {
    expect(manifests.length).toBeGreaterThan(0);
    for (const manifest of manifests) validate(manifest);
  });

  it("is refused by the same schemas once a field is spoilt", () => {
    for (const manifest of manifests) {
      const spoilt = structuredClone(manifest);
      spoilt.metadata.name = 7;
      expect(() => validate(spoilt)).toThrow();
    }
  });

  it("asks its own image for readiness and liveness at the paths and the port that the image has", () => {
    const own = containersOf(manifests).filter(({ image }) => image.includes("rosa2-gpu"));
    expect(own.length).toBeGreaterThan(0);
    for (const { ports, startupProbe, readinessProbe, livenessProbe } of own) {
      expect(ports[0].containerPort).toBe(imagePort);
      expect((readinessProbe ?? startupProbe).httpGet.path).toBe("/health");
      expect(startupProbe.httpGet.path).toBe("/health");
      // A service that loads or drains is alive. Killed for that, it would never finish.
      expect(livenessProbe.httpGet.path).toBe("/live");
    }
  });
});

describe.each(["kubernetes.yaml", "kubernetes-vllm.yaml"])("%s", (file) => {
  it("gives a pod time to leave the balancer and drain, and runs it read-only without root", () => {
    const manifests = read(file);
    const [{ spec }] = manifests.filter(({ kind }) => kind === "Deployment").map(templateOf);
    const [own] = containersOf(manifests).filter(({ image }) => image.includes("rosa2-gpu"));
    const { seconds } = own.lifecycle.preStop.sleep;
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(drainS + seconds);
    expect(own.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect({ ...spec.securityContext, ...own.securityContext }).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
    });
  });
});

describe("kubernetes-vllm.yaml", () => {
  const [vllm, gateway] = containersOf(read("kubernetes-vllm.yaml"));
  const flag = (name: string) =>
    vllm.args.find((arg: string) => arg.startsWith(`--${name}=`))?.split("=")[1];
  const variable = (name: string) =>
    gateway.env.find((entry: { name: string }) => entry.name === name)?.value;

  it("keeps vLLM's own port inside the pod", () => {
    expect(flag("host")).toBe("127.0.0.1");
    expect(vllm.ports).toBeUndefined();
  });

  it("has the gateway and vLLM agree on model, folder and cap", () => {
    expect(variable("VLLM_MODEL")).toBe(flag("served-model-name"));
    expect(Number(variable("ADAPTERS_MAX"))).toBeLessThanOrEqual(Number(flag("max-cpu-loras")));
    const mounts = vllm.volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath);
    expect(mounts).toContain(variable("LORA_DIR"));
    expect(mounts).toContain(variable("MODEL"));
  });
});

describe("runpod.json", () => {
  const body = JSON.parse(readFileSync(join(folder, "runpod.json"), "utf8"));

  it("is a body that RunPod's route takes", () => {
    expect(runpodSchema.safeParse(body).error).toBeUndefined();
    expect(body.ports).toEqual([`${imagePort}/http`]);
    expect(dockerfile).toContain(`ROSA2_CACHE=${body.volumeMountPath}`);
  });

  it("holds no secret itself", () => {
    expect(body.env.GPU_SECRET).toMatch(/^\{\{ RUNPOD_SECRET_\w+ \}\}$/);
  });
});

function read(file: string): Manifest[] {
  return parseAllDocuments(readFileSync(join(folder, file), "utf8")).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });
}

function validate(manifest: Manifest): void {
  const Model = models[`${manifest.apiVersion} ${manifest.kind}`];
  if (Model === undefined) throw new Error(`No schema for ${manifest.apiVersion} ${manifest.kind}`);
  new Model(manifest).validate();
}

function templateOf({ spec }: Manifest): Manifest {
  return spec.template;
}

function containersOf(manifests: Manifest[]): Manifest[] {
  return manifests.flatMap((manifest) => templateOf(manifest)?.spec?.containers ?? []);
}
