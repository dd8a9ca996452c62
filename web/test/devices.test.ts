import assert from "node:assert/strict";
import { test } from "node:test";
import type { Device } from "hongyan";
import { byUse, deviceIcon } from "../src/pages/me/devices.ts";
import { sectionOf } from "../src/pages/me/sections.ts";

function device(name: string, seenMs: number, change: Partial<Device> = {}): Device {
	return { device: name, name, signedInMs: 0, seenMs, thisOne: false, online: false, ...change };
}

test("devices: this one, then those that are online, then by last use", () => {
	const devices = [
		device("old", 10),
		device("new", 90),
		device("phone", 20, { online: true }),
		device("here", 5, { thisOne: true, online: true }),
		device("laptop", 60, { online: true }),
	];
	assert.deepEqual(
		byUse(devices).map((one) => one.name),
		["here", "laptop", "phone", "new", "old"],
	);
	assert.equal(devices[0]?.name, "old", "what was given stays as it was");
});

test("a device's icon goes by what it calls itself", () => {
	const icons = {
		"Safari, iPhone": "phone",
		"Firefox, Android": "phone",
		"Ann's laptop": "laptop",
		"Chrome, Linux": "monitor",
		"": "monitor",
	};
	for (const [name, icon] of Object.entries(icons)) assert.equal(deviceIcon(name), icon, name);
});

test("a section's name in the address; anything else is the profile", () => {
	assert.equal(sectionOf("security"), "security");
	for (const part of ["", "42", "Profile", "constructor"]) assert.equal(sectionOf(part), "profile");
});
