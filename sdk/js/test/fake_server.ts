/**
 * fake_server.ts - a server in this process that does as a test tells it: answers, delays, refuses, closes in the middle,
 * speaks nonsense. WebSocket and HTTP on one port, like the real one.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { create, fromBinary, toBinary, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { WebSocketServer, type WebSocket } from "ws";
import { CMD_NOOP, CMD_PUSH, SEQ_IDENTIFY, SEQ_NOOP, decodeFrame, encodeFrame } from "../src/frame.ts";
import type { RequestHead } from "../src/gen/head_pb.ts";
import { PushHintSchema } from "../src/gen/link_pb.ts";
import { methods } from "../src/gen/methods.ts";
import type { Answer, MethodName, Question } from "../src/session.ts";

/** A request that has come. */
export interface Call<M extends MethodName = MethodName> {
	method: M;
	head: RequestHead;
	/** The whole of it, decoded. */
	question: Question<M>;
	link: "long" | "short";
	atMs: number;
}

/** What is said to it: an answer's fields, or a refusal, or worse. */
export type Reply =
	| { code?: number; message?: string; retryAfterMs?: number; serverMs?: number; fields?: object; afterMs?: number }
	/** Nothing, ever. */
	| "silence"
	/** The link, or the connection, ends. */
	| "drop"
	/** Over a short link: half of what was announced, then its end; or a byte now and then, for ever. */
	| "cut"
	| "drip"
	/** These bytes in the place of an answer. */
	| { raw: Uint8Array }
	/** Over a short link: another status than 200. */
	| { status: number };

type Handler<M extends MethodName> = (call: Call<M>) => Reply | Promise<Reply>;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export const TICKET = new Uint8Array([1, 2, 3, 4]);
export const UIN = 10001;

export class FakeServer {
	/** All requests, as they came; Identify, too. */
	readonly calls: Call[] = [];
	/** How many long links were asked for. */
	dials = 0;
	/** What becomes of a WebSocket's handshake: "hang" never answers. */
	sockets: "accept" | "refuse" | "hang" = "accept";
	/** Whether heartbeats are answered; how many came. */
	echo = true;
	beats = 0;
	/** In IdentifyResponse; 0: no wish. */
	heartbeatS = 0;
	port = 0;

	private readonly handlers = new Map<MethodName, Handler<MethodName>>();
	private readonly links = new Set<WebSocket>();
	private readonly connections = new Set<Duplex>();
	private http: Server | null = null;
	private readonly ws = new WebSocketServer({ noServer: true });

	get url(): string {
		return `http://127.0.0.1:${this.port}`;
	}

	/** The same port again after a stop(). */
	async start(): Promise<void> {
		const http = createServer((request, response) => void this.onPost(request, response));
		http.on("connection", (socket: Duplex) => {
			this.connections.add(socket);
			socket.on("close", () => this.connections.delete(socket));
		});
		http.on("upgrade", (request, socket, head) => this.onUpgrade(request, socket, head));
		http.listen(this.port, "127.0.0.1");
		await once(http, "listening");
		this.port = (http.address() as AddressInfo).port;
		this.http = http;
	}

	/** As a process that is killed: every connection ends. */
	async stop(): Promise<void> {
		const http = this.http;
		if (!http) return;
		this.http = null;
		const closed = once(http, "close");
		http.close();
		for (const socket of this.connections) socket.destroy();
		await closed;
	}

	/** What is said to a method from now on; without one, 0 and empty fields. */
	on<M extends MethodName>(method: M, handler: Handler<M>): void {
		this.handlers.set(method, handler as unknown as Handler<MethodName>);
	}

	/** These replies one after another, then the usual one. */
	script(method: MethodName, ...replies: Reply[]): void {
		const usual = this.handlers.get(method);
		this.on(method, (call) => replies.shift() ?? usual?.(call) ?? {});
	}

	callsOf<M extends MethodName>(method: M): Call<M>[] {
		return this.calls.filter((call) => call.method === method) as Call<M>[];
	}

	get linkCount(): number {
		return this.links.size;
	}

	hint(): void {
		const body = toBinary(PushHintSchema, create(PushHintSchema, { kinds: 8 }));
		this.sendRaw(encodeFrame({ cmd: CMD_PUSH, seq: 0, body }));
	}

	/** To every long link, whatever it is. */
	sendRaw(data: Uint8Array | string): void {
		for (const link of this.links) link.send(data);
	}

	/** Ends the long links, the rough way. */
	dropLinks(): void {
		for (const link of this.links) link.terminate();
	}

	private onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
		this.dials++;
		if (this.sockets === "hang") return;
		if (this.sockets === "refuse" || request.url !== "/link") {
			socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
			return;
		}
		this.ws.handleUpgrade(request, socket, head, (link) => {
			this.links.add(link);
			link.on("close", () => this.links.delete(link));
			link.on("error", () => undefined);
			link.on("message", (data: Buffer) => void this.onFrame(link, new Uint8Array(data)));
		});
	}

	private async onFrame(link: WebSocket, bytes: Uint8Array): Promise<void> {
		const frame = decodeFrame(bytes);
		if (!frame) return link.close(1002);
		if (frame.cmd === CMD_NOOP && frame.seq === SEQ_NOOP) {
			this.beats++;
			if (this.echo) link.send(bytes);
			return;
		}
		const method = (Object.keys(methods) as MethodName[]).find((name) => methods[name].cmd === frame.cmd);
		if (!method) return link.close(1002);
		if ((method === "identify") !== (frame.seq === SEQ_IDENTIFY)) return link.close(1002);
		const reply = await this.replyTo(method, frame.body, "long");
		if (reply === "silence") return;
		if (typeof reply === "string") return link.terminate();
		if ("status" in reply) throw new Error("a long link has no status");
		const body = "raw" in reply ? reply.raw : this.encode(method, reply);
		link.send(encodeFrame({ cmd: frame.cmd, seq: frame.seq, body }));
	}

	private async onPost(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const method = (Object.keys(methods) as MethodName[]).find((name) => methods[name].path === request.url);
		const parts: Buffer[] = [];
		for await (const part of request) parts.push(part as Buffer);
		if (!method || request.method !== "POST" || request.headers["content-type"] !== "application/x-protobuf") {
			response.writeHead(404).end();
			return;
		}
		const reply = await this.replyTo(method, new Uint8Array(Buffer.concat(parts)), "short");
		if (reply === "silence") return;
		if (reply === "drop") return void request.socket.destroy();
		if (reply === "cut" || reply === "drip") return this.answerInParts(response, reply);
		if ("status" in reply) return void response.writeHead(reply.status).end("something for people");
		response.writeHead(200, { "content-type": "application/x-protobuf" });
		response.end("raw" in reply ? reply.raw : this.encode(method, reply));
	}

	private answerInParts(response: ServerResponse, how: "cut" | "drip"): void {
		response.writeHead(200, { "content-type": "application/x-protobuf", "content-length": 1000 });
		response.write(new Uint8Array(500), () => how === "cut" && response.destroy());
		const drip = how === "drip" ? setInterval(() => response.write(new Uint8Array(1)), 10) : undefined;
		response.on("close", () => clearInterval(drip));
	}

	private async replyTo(method: MethodName, bytes: Uint8Array, link: "long" | "short"): Promise<Reply> {
		const question = fromBinary(methods[method].request as DescMessage, bytes) as unknown as { head: RequestHead };
		const call: Call = { method, head: question.head, question, link, atMs: performance.now() };
		this.calls.push(call);
		const reply = (await this.handlers.get(method)?.(call)) ?? {};
		if (typeof reply === "object" && "afterMs" in reply) await pause(reply.afterMs ?? 0);
		return reply;
	}

	private encode(
		method: MethodName,
		reply: Exclude<Reply, string | { raw: Uint8Array } | { status: number }>,
	): Uint8Array {
		const { code = 0, message = "", retryAfterMs = 0, serverMs = 0, fields = {} } = reply;
		const head = { code, message, retryAfterMs, serverMs: BigInt(serverMs) };
		const usual = method === "identify" ? { uin: UIN, heartbeatS: this.heartbeatS } : {};
		const schema: DescMessage = methods[method].response;
		return toBinary(
			schema,
			create(schema, { ...usual, ...fields, head } as unknown as MessageInitShape<DescMessage>),
		);
	}
}

/** Resolves when it is so, rejects after a while: `what` is for who reads why. */
export async function until(what: string, is: () => boolean, withinMs = 3000): Promise<void> {
	const end = performance.now() + withinMs;
	while (!is()) {
		if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
		await pause(3);
	}
}

export { pause };
export type { Answer };
