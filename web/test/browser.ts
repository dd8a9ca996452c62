/** browser.ts - as much of a browser as modules ask for when they are loaded. Import it first. */
const stand: Record<string, unknown> = {
	location: { hash: "" },
	document: { hidden: false, addEventListener: () => undefined },
	matchMedia: () => ({ matches: false, addEventListener: () => undefined }),
	localStorage: { getItem: () => null, setItem: () => undefined, removeItem: () => undefined },
};

for (const [name, value] of Object.entries(stand))
	Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
Object.defineProperty(globalThis, "navigator", {
	value: { language: "en-GB", languages: ["en-GB"], userAgent: "" },
	configurable: true,
});
/* A page's minutes do not keep a test alive. */
const setPlainInterval = globalThis.setInterval;
Object.defineProperty(globalThis, "setInterval", {
	value: (...args: Parameters<typeof setInterval>) => setPlainInterval(...args).unref(),
	configurable: true,
});
