/* measure: runs a command and says what it took.
 *
 *     measure REPORT COMMAND [ARGUMENT...]
 *
 * The file REPORT gets one line: exit status, seconds of CPU in the program and in the kernel, seconds on the clock, most KiB of memory. CPU of children
 * that the command waited for is in it. A small program does this because what a process held before its exec counts as its memory, and
 * Python holds more than some of what is measured here. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct rusage used;
    int status;
    if (argc < 3)
        return 2;
    double begun = now();
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &used) < 0)
        return 1;
    double wall = now() - begun;
    FILE *report = fopen(argv[1], "w");
    if (!report)
        return 1;
    fprintf(report, "%d %.6f %.6f %.6f %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), seconds(used.ru_utime),
            seconds(used.ru_stime), wall, used.ru_maxrss);
    return fclose(report) ? 1 : 0;
}
