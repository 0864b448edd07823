/* The conformance suite on the fake driver: checks the fake, and the suite without an engine. */
#include "tests/driver/suite.h"
#include "tests/support/fake_driver.h"

int main(void)
{
	static const struct suite_refusal refusals[] = {
		{ "fake:user:geheim@nowhere", MD_INVALID },
		{ NULL, MD_OK },
	};
	static const struct suite_engine engine = {
		.name = "fake driver",
		.driver = &md_fake_driver,
		.texts = { .echo = "echo",
			   .put = "put",
			   .get = "get",
			   .count = "count",
			   .clear = "clear",
			   .series = "series",
			   .slow = "slow",
			   .wrong = "wrong" },
		.url = "fake:memory",
		.refusals = refusals,
		.reset = fake_reset,
	};

	return suite_main(&engine);
}
