/**
 * driver.ts - the JavaScript library in Node.js, driven by lines, with its store in a file.
 *
 *	node driver.mjs SERVER FOLDER DEVICE
 */
import { createInterface } from "node:readline";
import { FileStore } from "hongyan/node";
import { Driver } from "./orders.ts";

const [server = "", folder = "", deviceName = ""] = process.argv.slice(2);
const store = new FileStore(folder + "/kept");
const driver = new Driver({ server: "http://" + server, store, deviceName }, (line) =>
	process.stdout.write(JSON.stringify(line) + "\n"),
);

const lines = createInterface({ input: process.stdin });
lines.on("line", async (text) => (await driver.take(text)) && lines.close());
lines.on("close", () => void driver.close());
