import type { Text } from "../en.ts";
import { pluralOf } from "../plural.ts";

const plural = pluralOf("zh");

/** The frame around the pages. */
export const shell: Text["shell"] = {
	navigation: "主导航",
	chats: "聊天",
	contacts: "通讯录",
	me: "我",
	unread: (count) => plural(count, { other: "# 条未读消息" }),
	requests: (count) => plural(count, { other: "# 个请求" }),
	connecting: "正在连接…",
	offline: "已离线。你写的消息会在恢复连接后发送。",
	tryNow: "立即重试",
	broken: "浏览器不允许本页面存储数据",
	brokenText: "消息保存在浏览器里。请退出无痕模式，或允许本网站存储数据，然后重新加载页面。",
	reload: "重新加载",
	newcomer: (name) => `欢迎，${name}`,
	newcomerText: (name) => `别人可以用你的用户名 ${name} 找到你。告诉他们，或者用他们的用户名去找他们。`,
	emptyChat: "选择一个会话",
	emptyChatText: "或从通讯录里找人，开始新的会话。",
	emptyContact: "选择一位联系人",
	emptyContactText: "查看资料，或给对方写消息。",
};
