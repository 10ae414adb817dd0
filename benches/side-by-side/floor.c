// The least that anybody can spend on some files: each is opened once and read whole with pread.
// With `parsed`, every number in them is also made a 64-bit integer, which is the least that a
// monitor can do with them.
//
// floor hot|paced bare|parsed <seconds> <file>...
// prints <samples> <user us> <system us>

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { FILES = 64, NUMBERS = 1 << 16, LAST_ANSWER_BELOW = 2048, WARM_UP = 20 };

static char buffer[1 << 20];
static uint64_t numbers[NUMBERS];

// Reads to the end of the file, as far as the buffer goes. As everywhere in these comparisons, an
// answer of less than half a page is the last.
static size_t read_whole(int file) {
    size_t filled = 0;
    for (;;) {
        ssize_t got = pread(file, buffer + filled, sizeof buffer - filled, filled);
        if (got < 0) { perror("pread"); exit(1); }
        filled += got;
        if (got < LAST_ANSWER_BELOW) return filled;
    }
}

// Writes every number of the buffer into the table; says how many there were.
static size_t parse(size_t length) {
    size_t found = 0;
    for (size_t at = 0; at < length && found < NUMBERS;) {
        unsigned digit = (unsigned char)buffer[at++] - '0';
        if (digit > 9) continue;
        uint64_t number = digit;
        while (at < length && (digit = (unsigned char)buffer[at] - '0') <= 9) {
            number = number * 10 + digit;
            at++;
        }
        numbers[found++] = number;
    }
    return found;
}

static size_t sample(const int *files, int count, int parsed) {
    size_t seen = 0;
    for (int i = 0; i < count; i++) {
        size_t length = read_whole(files[i]);
        seen += parsed ? parse(length) : length;
    }
    return seen;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static long microseconds(struct timeval time) { return time.tv_sec * 1000000L + time.tv_usec; }

int main(int argc, char **argv) {
    if (argc < 5) { fprintf(stderr, "usage: floor hot|paced bare|parsed <seconds> <file>...\n"); return 2; }
    int paced = !strcmp(argv[1], "paced"), parsed = !strcmp(argv[2], "parsed"), count = 0, files[FILES];
    for (int i = 4; i < argc && count < FILES; i++) {
        files[count] = open(argv[i], O_RDONLY);
        if (files[count++] < 0) { perror(argv[i]); return 1; }
    }
    for (int i = 0; i < (paced ? 1 : WARM_UP); i++) sample(files, count, parsed);

    struct rusage before, after;
    struct timespec deadline;
    getrusage(RUSAGE_SELF, &before);
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    double end = now() + atof(argv[3]);
    long samples = 0;
    while (now() < end) {
        if (sample(files, count, parsed) == 0) { fprintf(stderr, "nothing was read\n"); return 1; }
        samples++;
        deadline.tv_sec++;
        if (paced) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
    }
    getrusage(RUSAGE_SELF, &after);
    printf("%ld %ld %ld\n", samples, microseconds(after.ru_utime) - microseconds(before.ru_utime),
           microseconds(after.ru_stime) - microseconds(before.ru_stime));
    return 0;
}
