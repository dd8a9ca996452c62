import type { Text } from "../en.ts";

/** The chats page. */
export const chats: Text["chats"] = {
	title: "聊天",
	list: "会话",
	search: "搜索会话",
	draft: "草稿：",
	you: "我：",
	unread: (count) => `${count} 条未读消息`,
	sending: "发送中",
	failed: "未发送",
	noMessages: "还没有消息",
	requests: (count) => `${count} 个联系人请求`,
	requestsOf: (names) => `来自 ${names}`,
	empty: "还没有会话",
	emptyText: "按用户名找到朋友，对方接受后就可以聊天了。",
	emptyContactsText: "联系人都在等你：选一位打个招呼吧。",
	addContact: "添加联系人",
	toContacts: "打开通讯录",
	nothingFound: "没有找到",
	nothingFoundText: (search) => `没有名为“${search}”的会话或联系人。`,
	others: "其他联系人",
	found: (count) => `找到 ${count} 个`,
};
