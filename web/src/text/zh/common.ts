import type { Text } from "../en.ts";

/** What all pages share. */
export const common: Text["common"] = {
	product: "鸿雁",
	tagline: "消息，存在你自己的服务器上。",
	back: "返回",
	cancel: "取消",
	clear: "清空",
	close: "关闭",
	copy: "复制",
	delete: "删除",
	dismiss: "知道了",
	hidePassword: "隐藏密码",
	language: "语言",
	loading: "正在加载",
	more: "更多",
	notes: "提示",
	retry: "重试",
	save: "保存",
	showPassword: "显示密码",
	theme: "外观",
	themes: { system: "跟随系统", light: "浅色", dark: "深色" },
	you: "我",
};
