/** Finds a Vulkan driver for tests of the WebGPU provider; SwiftShader, which needs no GPU, comes with Chromium. */
import { existsSync, globSync } from "node:fs";

/** The message where there is none. */
export const vulkanHint = "no Vulkan driver was found; apt-get install libvulkan1 chromium";

/**
 * Names SwiftShader to the Vulkan loader, unless a driver is already named. Returns whether there is a loader. Call it
 * before the first session is made.
 */
export function useSwiftShader(): boolean {
  const [icd] = globSync("/usr/lib/chromium*/vk_swiftshader_icd.json");
  const [loader] = globSync("/usr/lib{,64,/*-linux-gnu}/libvulkan.so.1");
  process.env.VK_DRIVER_FILES ??= icd;
  return loader !== undefined && existsSync(process.env.VK_DRIVER_FILES ?? "");
}
