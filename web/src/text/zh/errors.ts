import type { Text } from "../en.ts";

/** What is said when something did not work. */
export const errors: Text["errors"] = {
	codes: {
		INVALID_ARGUMENT: "服务器不接受这项内容。",
		DEADLINE_EXCEEDED: "服务器没有及时回应，请重试。",
		NOT_FOUND: "找不到了。",
		ALREADY_EXISTS: "已经存在。",
		PERMISSION_DENIED: "不允许这样做。",
		RESOURCE_EXHAUSTED: "操作太频繁，请稍后再试。",
		FAILED_PRECONDITION: "现在无法这样做。",
		ABORTED: "同时有其他改动，请重试。",
		OUT_OF_RANGE: "服务器不接受这个时间。本设备的时钟准确吗？",
		UNIMPLEMENTED: "服务器版本太旧，不支持此功能。",
		INTERNAL: "服务器出错了。",
		UNAVAILABLE: "连接不上服务器，请在恢复连接后重试。",
		UNAUTHENTICATED: "请重新登录。",
		UNKNOWN: "操作没有成功。",
		CANCELLED: "操作没有完成。",
	},
	withReason: (sentence, reason) => `${sentence}（${reason}）`,
	tooManyUntil: (time) => `尝试次数太多，请在${time}后再试。`,
	unexpected: (reason) => (reason ? `出错了：${reason}` : "出错了。"),
};
