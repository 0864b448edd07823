/* A main for fuzz targets without libFuzzer: runs the target on nothing, on every file of its
 * corpus, then on mutations of them, always the same ones, until a number or a time is reached.
 * Usage: fuzz_x [FILE…]; without files the corpus is $srcdir/tests/fuzz/corpus/x/. An input that
 * breaks the target is left in replay-x.bin. Single-threaded. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_MAX = 4096, FILES_MAX = 4096, RUNS_MAX = 50000, RUN_MS = 1500 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

struct input {
	uint8_t *data;
	size_t size;
};

static struct input inputs[FILES_MAX];
static size_t input_count;
static char crash_path[256];
static const uint8_t *running; /* the input the target looks at now */
static size_t running_size;

/* Only calls that a signal handler may make. */
static void keep_input(void)
{
	int fd;

	if (!running)
		return;
	fd = open(crash_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	if (write(fd, running, running_size) < 0)
		running_size = 0;
	close(fd);
	running = NULL;
}

static void on_signal(int number)
{
	keep_input();
	signal(number, SIG_DFL);
	raise(number);
}

/* The target gets a block of exactly `size` bytes, so that reading past its end is seen. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (!copy)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	running = copy;
	running_size = size;
	LLVMFuzzerTestOneInput(copy, size);
	running = NULL;
	free(copy);
}

static bool add_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	size_t size;

	if (!file || input_count == FILES_MAX) {
		fprintf(stderr, "%s: %s\n", path, file ? "too many files" : strerror(errno));
		if (file)
			fclose(file);
		return false;
	}
	data = malloc(INPUT_MAX);
	if (!data)
		abort();
	size = fread(data, 1, INPUT_MAX, file);
	fclose(file);
	inputs[input_count++] = (struct input){ data, size };
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All files of a folder, sorted, so that every run does the same. A folder that is not there is an
 * empty corpus. */
static bool add_folder(const char *folder)
{
	char *names[FILES_MAX];
	size_t count = 0;
	bool ok = true;
	DIR *dir = opendir(folder);

	if (!dir)
		return true;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		char path[4096];

		if (entry->d_name[0] == '.' || count == FILES_MAX)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		names[count] = strdup(path);
		if (!names[count++])
			abort();
	}
	closedir(dir);
	qsort(names, count, sizeof(names[0]), by_name);
	for (size_t i = 0; i < count; i++) {
		ok = add_file(names[i]) && ok;
		free(names[i]);
	}
	return ok;
}

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* One change at a random place; returns the new size. */
static size_t mutate(uint8_t *data, size_t size, uint32_t *state)
{
	static const char special[] = "()[]{}\"'\\,.:;!*%&=-+<>/ \t\n\r0129aeE_\x7f\x80\xc3\xff";
	size_t at = size > 0 ? next_random(state) % size : 0;
	uint8_t byte = (uint8_t)special[next_random(state) % sizeof(special)];
	const struct input *other;
	size_t from, length;

	switch (next_random(state) % 6) {
	case 0: /* replace */
		if (size > 0)
			data[at] = byte;
		return size;
	case 1: /* flip */
		if (size > 0)
			data[at] ^= (uint8_t)(1u << (next_random(state) % 8));
		return size;
	case 2: /* remove */
		if (size == 0)
			return size;
		length = 1 + next_random(state) % (size - at);
		memmove(data + at, data + at + length, size - at - length);
		return size - length;
	case 3: /* insert */
		if (size == INPUT_MAX)
			return size;
		memmove(data + at + 1, data + at, size - at);
		data[at] = byte;
		return size + 1;
	case 4: /* repeat a piece */
		length = size > 0 ? 1 + next_random(state) % (size - at) : 0;
		if (length > INPUT_MAX - size)
			return size;
		memmove(data + at + length, data + at, size - at);
		return size + length;
	default: /* the end of another input */
		other = &inputs[next_random(state) % input_count];
		from = other->size > 0 ? next_random(state) % other->size : 0;
		length = other->size - from;
		if (length > INPUT_MAX - at)
			length = INPUT_MAX - at;
		if (length > 0)
			memcpy(data + at, other->data + from, length);
		return at + length;
	}
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static unsigned run_mutations(void)
{
	int64_t end = now_ms() + RUN_MS;
	uint32_t state = 2463534242u;
	uint8_t data[INPUT_MAX];
	unsigned runs = 0;

	while (runs < RUNS_MAX && now_ms() < end) {
		const struct input *input = &inputs[runs % input_count];
		size_t size = input->size;
		unsigned changes = 1 + next_random(&state) % 4;

		memcpy(data, input->data, size);
		for (unsigned i = 0; i < changes; i++)
			size = mutate(data, size, &state);
		run(data, size);
		runs++;
	}
	return runs;
}

int main(int argc, char **argv)
{
	static const int signals[] = { SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE };
	const char *srcdir = getenv("srcdir");
	const char *name = strrchr(argv[0], '/');
	char folder[3072];
	bool ok = true;

	name = name ? name + 1 : argv[0];
	if (strncmp(name, "fuzz_", 5) == 0)
		name += 5;
	snprintf(crash_path, sizeof(crash_path), "replay-%s.bin", name);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], on_signal);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(keep_input);
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);

	snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".", name);
	for (int i = 1; i < argc; i++)
		ok = add_file(argv[i]) && ok;
	if (argc < 2)
		ok = add_folder(folder);
	run((const uint8_t *)"", 0);
	for (size_t i = 0; i < input_count; i++)
		run(inputs[i].data, inputs[i].size);
	printf("%s: %zu inputs", name, input_count);
	if (argc < 2 && input_count > 0)
		printf(", %u mutations", run_mutations());
	printf(", nothing broke\n");
	for (size_t i = 0; i < input_count; i++)
		free(inputs[i].data);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
