// Runs a command that ends when whoever started it does, on one CPU and with a priority if asked.
//
//   with [-c CPU] [-n NICE] COMMAND [ARGUMENT ...]
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

int main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int option; (option = getopt(argc, argv, "+c:n:")) != -1;) {
    if (option == 'n') {
      if (setpriority(PRIO_PROCESS, 0, atoi(optarg)) < 0) perror("with: setpriority");
      continue;
    }
    if (option != 'c') return 2;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)atoi(optarg), &set);
    if (sched_setaffinity(0, sizeof set, &set) < 0) perror("with: sched_setaffinity");
  }
  if (optind >= argc) return 2;
  execvp(argv[optind], argv + optind);
  perror(argv[optind]);
  return 127;
}
