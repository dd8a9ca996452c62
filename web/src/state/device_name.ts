/** device_name.ts - what this browser is called in the list of devices. */

const BROWSERS: readonly [RegExp, string][] = [
	[/\bEdgA?\//, "Edge"],
	[/\bOPR\//, "Opera"],
	[/\bFirefox\/|\bFxiOS\//, "Firefox"],
	[/\bMicroMessenger\//, "WeChat"],
	[/\bChromium\//, "Chromium"],
	[/Chrome\/|\bCriOS\//, "Chrome"],
	[/\bSafari\//, "Safari"],
];

const SYSTEMS: readonly [RegExp, string][] = [
	[/\biPhone\b/, "iPhone"],
	[/\biPad\b/, "iPad"],
	[/\bAndroid\b/, "Android"],
	[/\bCrOS\b/, "ChromeOS"],
	[/\bMac OS X\b|\bMacintosh\b/, "Mac"],
	[/\bWindows\b/, "Windows"],
	[/\bLinux\b/, "Linux"],
];

function first(table: readonly [RegExp, string][], text: string): string | undefined {
	return table.find(([pattern]) => pattern.test(text))?.[1];
}

/** "Firefox, Linux"; "Browser" where nothing is known. */
export function deviceName(agent: string = navigator.userAgent): string {
	return [first(BROWSERS, agent) ?? "Browser", first(SYSTEMS, agent)].filter(Boolean).join(", ");
}
