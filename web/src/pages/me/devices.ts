/** devices.ts - the order of devices, and which icon stands for one. Pure. */
import type { Device } from "hongyan";
import type { IconName } from "../../design/Icon.tsx";

/** This one first, those that are online before others, then by last use. */
export function byUse(devices: readonly Device[]): Device[] {
	const rank = (device: Device) => (device.thisOne ? 0 : device.online ? 1 : 2);
	return [...devices].sort((a, b) => rank(a) - rank(b) || b.seenMs - a.seenMs);
}

/** By what the device calls itself: a phone, a laptop, a terminal. */
export function deviceIcon(name: string): IconName {
	if (/iphone|ipad|android|phone|mobile|手机|平板/i.test(name)) return "phone";
	if (/laptop|notebook|macbook|笔记本/i.test(name)) return "laptop";
	return "monitor";
}
