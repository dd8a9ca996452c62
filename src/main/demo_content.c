/* demo_content.c - see demo_content.h. */
#include "main/demo_content.h"

const struct demo_user demo_users[DEMO_USERS] = {
	[DEMO_ANN] = {"ann", "Ann", "Slow mornings, long walks.", "Hamburg", 0x0d6b62},
	[DEMO_BEN] = {"ben", "Ben Okafor", "Maps, mostly.", "Bristol", 0x2d6a9f},
	[DEMO_MEILIN] = {"meilin", "林美琳", "山高水长，见字如面", "杭州", 0xa83a63},
	[DEMO_WEI] = {"wei", "李伟", "在路上 🚲", "成都", 0x99580e},
	[DEMO_SOFIA] = {"sofia", "Sofía Marín", "Pan, sal y paciencia.", "Valencia", 0x86478f},
	[DEMO_OTTO] = {"otto", "Otto", "Retired teacher, still counting birds.", "Husum", 0x3f7439},
};

const struct demo_contact demo_contacts[] = {
	{DEMO_ANN, DEMO_BEN, true, "Hi Ben, Ann from the hiking group. Is this you?", "Ben (hiking)", NULL},
	{DEMO_MEILIN, DEMO_ANN, true, "我是美琳，去年秋天在汉堡见过面。", "Ann（汉堡）", "美琳"},
	{DEMO_ANN, DEMO_WEI, true, "你好，美琳把你的名字给我了。", NULL, NULL},
	{DEMO_SOFIA, DEMO_ANN, true, "Ann! It's Sofía, from the bakery course.", NULL, NULL},
	{DEMO_BEN, DEMO_SOFIA, true, "Ann says you know where to eat in Valencia.", NULL, NULL},
	{DEMO_MEILIN, DEMO_WEI, true, "老同学，换了新号，加一下。", "伟哥", NULL},
	{DEMO_BEN, DEMO_OTTO, true, "Otto, Ben here. I have the map you asked for.", NULL, NULL},
	{DEMO_OTTO, DEMO_ANN, false,
		"We met at the ringing station on Sunday. I still owe you the photos of the barnacle geese!", NULL,
		NULL},
};
const unsigned demo_contact_count = HY_COUNT_OF(demo_contacts);

static const char long_letter[] =
	"好久没有好好给你写信了，今天下雨，正好坐下来慢慢说。\n\n"
	"上个周末我去了崇明东滩。天还没亮就出发，到观鸟屋的时候，芦苇上全是露水。起初什么也看"
	"不见，只听见远处一阵一阵的叫声；等太阳从水面上升起来，一大群鸿雁忽然从雾里飞出来，先是"
	"一条线，然后慢慢排成人字，从我们头顶过去，翅膀的声音听得清清楚楚。旁边的老先生说，他"
	"看了三十年，每年还是会起鸡皮疙瘩。\n\n"
	"我想起小时候外婆讲鸿雁传书的故事，那时觉得一封信要走几个月，是多么可怜的事。现在一秒"
	"钟就能收到，反而常常忘了写。所以这封写得长一点，算是补上。\n\n"
	"照片等我整理好再发给你。你那边冷了吧？多穿一点。";

const struct demo_text demo_texts[] = {
	{DEMO_MEILIN, DEMO_WEI, "周末有空吗？想去看看那家新书店"},
	{DEMO_WEI, DEMO_MEILIN, "周六下午可以，骑车过去？"},
	{DEMO_MEILIN, DEMO_WEI, "好呀，两点老地方见 📚"},
	{DEMO_WEI, DEMO_MEILIN, "👌"},

	{DEMO_BEN, DEMO_OTTO, "The 1:25,000 sheet arrived. Shall I post it or bring it on Saturday?"},
	{DEMO_OTTO, DEMO_BEN, "Bring it, please. Then I can complain about it in person."},
	{DEMO_BEN, DEMO_OTTO, "I would expect nothing less 😄"},

	{DEMO_SOFIA, DEMO_ANN, "Today's loaf. I followed your timing and it finally opened up 🥖"},
	{DEMO_ANN, DEMO_SOFIA, "You see! Patience, just like your signature says."},
	{DEMO_ANN, DEMO_SOFIA, "How warm was the kitchen?"},
	{DEMO_SOFIA, DEMO_ANN, "24 °C. In Valencia that is called winter."},
	{DEMO_ANN, DEMO_SOFIA, "In Hamburg that is called a miracle."},
	{DEMO_SOFIA, DEMO_ANN,
		"For next time, the way I do it now:\n500 g flour, 360 g water, 100 g starter, 10 g salt.\n"
		"Fold four times, half an hour apart, then leave it alone overnight. The leaving alone is the hard "
		"part."},
	{DEMO_ANN, DEMO_SOFIA, "Saved. Thank you! ❤️"},

	{DEMO_BEN, DEMO_SOFIA, "Landing on Thursday. Where do I get the paella that locals eat?"},
	{DEMO_SOFIA, DEMO_BEN, "At noon, outside the city, and never with chorizo. I'll send you a name."},
	{DEMO_BEN, DEMO_SOFIA, "Understood. No chorizo. I will tell nobody that I asked."},

	{DEMO_ANN, DEMO_WEI, "你好！美琳说你骑车去过青海湖？"},
	{DEMO_WEI, DEMO_ANN, "哈哈是的，环湖骑了四天。风特别大，但是很值得"},
	{DEMO_ANN, DEMO_WEI, "我明年想去，什么时候最好？"},
	{DEMO_WEI, DEMO_ANN, "七月油菜花开，九月人少天蓝。怕晒就九月 😎"},
	{DEMO_ANN, DEMO_WEI, "那就九月。My Chinese is better on the keyboard than on the phone, so I'll write 😅"},
	{DEMO_WEI, DEMO_ANN, "没问题，you write, I answer. 路线图我找出来发给你"},

	{DEMO_MEILIN, DEMO_ANN, "Ann，最近怎么样？"},
	{DEMO_ANN, DEMO_MEILIN, "挺好的！刚搬完家，箱子还没拆完 📦"},
	{DEMO_MEILIN, DEMO_ANN, "恭喜恭喜！新家能看到河吗？"},
	{DEMO_ANN, DEMO_MEILIN, "能看到一点点，要站在椅子上"},
	{DEMO_MEILIN, DEMO_ANN, "那也算河景房 😂"},
	{DEMO_MEILIN, DEMO_ANN, long_letter},
	{DEMO_ANN, DEMO_MEILIN, "读了两遍。写得真好，我也起鸡皮疙瘩了。今晚认真给你回信。"},
	{DEMO_MEILIN, DEMO_ANN, "不急，慢慢写 🪿"},
	{DEMO_MEILIN, DEMO_ANN, "对了，你还记得那张在易北河边拍的照片吗？我把它挂在书桌前了"},

	{DEMO_ANN, DEMO_BEN, "Are we still on for Saturday?"},
	{DEMO_BEN, DEMO_ANN, "Yes! Train at 7:40, platform 12. I'll bring coffee."},
	{DEMO_ANN, DEMO_BEN, "Platform 12 has no bench and all the wind."},
	{DEMO_BEN, DEMO_ANN, "That is what the coffee is for ☕"},
	{DEMO_BEN, DEMO_ANN,
		"This is where the geese rest on their way south: https://en.wikipedia.org/wiki/Wadden_Sea"},
	{DEMO_ANN, DEMO_BEN, "Twelve million birds a year? I had no idea."},
	{DEMO_BEN, DEMO_ANN, "Bring binoculars and something waterproof. The forecast says sun, so it will rain."},
	{DEMO_ANN, DEMO_BEN, "👍"},
	{DEMO_BEN, DEMO_ANN, "One more thing: Otto would like to come along. He knows every bird by its first name."},
	{DEMO_BEN, DEMO_ANN, "Is that all right with you?"},
};
const unsigned demo_text_count = HY_COUNT_OF(demo_texts);
