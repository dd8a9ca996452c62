#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
	int n;
	struct hy_link link;
};

static int digits(struct hy_link *head)
{
	struct item *it;
	int v = 0;
	hy_list_each (it, head, struct item, link)
		v = v * 10 + it->n;
	return v;
}

static void test_order_is_kept_and_removing_twice_is_harmless(void **state)
{
	struct hy_link head;
	struct item items[4];
	hy_link_init(&head);
	assert_null(hy_list_first(&head, struct item, link));
	for (int i = 0; i < 4; i++) {
		items[i].n = i + 1;
		hy_link_init(&items[i].link);
	}
	hy_list_push_back(&head, &items[0].link);
	hy_list_push_back(&head, &items[1].link);
	hy_list_push_front(&head, &items[2].link);
	hy_list_insert_before(&items[1].link, &items[3].link);
	assert_int_equal(digits(&head), 3142);
	assert_int_equal(hy_list_first(&head, struct item, link)->n, 3);
	hy_list_remove(&items[0].link);
	hy_list_remove(&items[0].link);
	assert_false(hy_link_linked(&items[0].link));
	assert_int_equal(digits(&head), 342);
}

static void test_the_current_element_may_be_removed(void **state)
{
	struct hy_link head;
	struct item items[5], *it;
	hy_link_init(&head);
	for (int i = 0; i < 5; i++) {
		items[i].n = i + 1;
		hy_link_init(&items[i].link);
		hy_list_push_back(&head, &items[i].link);
	}
	hy_list_each (it, &head, struct item, link)
		if (it->n % 2)
			hy_list_remove(&it->link);
	assert_int_equal(digits(&head), 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_is_kept_and_removing_twice_is_harmless),
		cmocka_unit_test(test_the_current_element_may_be_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
