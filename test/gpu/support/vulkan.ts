/** Finds a Vulkan driver for tests of the WebGPU provider; SwiftShader, which needs no GPU, comes with Chromium. */
import { existsSync, globSync } from "node:fs";

/** What is said where there is none. */
export const vulkanHint = "no Vulkan driver was found; apt-get install libvulkan1 chromium";

/**
 * Names SwiftShader to the loader, unless a driver is named already, and says whether there is a loader to read it.
 * Call it before the first session is made.
 */
export function useSwiftShader(): boolean {
  const [icd] = globSync("/usr/lib/chromium*/vk_swiftshader_icd.json");
  const [loader] = globSync("/usr/lib{,64,/*-linux-gnu}/libvulkan.so.1");
  process.env.VK_DRIVER_FILES ??= icd;
  return loader !== undefined && existsSync(process.env.VK_DRIVER_FILES ?? "");
}
