// The load generator: guests of a switch, one system call per frame. Prints one JSON object.
//
//   load --to seqpacket|vde|bridge --path PATH --workload NAME [--bytes N] [--window N]
//        [--ports N] [--seconds S] [--warm S] [--rate F] [--beside F] [--pid N] [--since NS] [--cpu N]
//
// Workloads:
//   closed     pairs of guests; in each, one sends as long as fewer than `window` frames are on their way
//   flood      one sends as fast as its socket takes, in a thread of its own; another receives
//   paced      the same at `rate` frames a second
//   fanout     one broadcasts to `ports` others, at most `window` broadcasts on their way
//   pingpong   one sends, the other answers; meanwhile two more may exchange `beside` frames a second
//   first      waits until the switch accepts, and for the first frame through it
//   churn      connects and goes away, `rate` times a second
//   attached   connects `ports` guests and keeps them, idle, until its standard input ends
#define _GNU_SOURCE
#include "load.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

int64_t clock_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// Numbers of the first line of a file, after its first word if that is not one.
static int read_numbers(const char* path, long long* numbers, int most) {
  char text[512];
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return 0;
  text[size] = 0;
  char* at = text;
  if (*at < '0' || *at > '9') at = strchr(at, ' ');
  int count = 0;
  for (; at != NULL && count < most; count++) {
    char* end;
    numbers[count] = strtoll(at, &end, 10);
    if (end == at) break;
    at = end;
  }
  return count;
}

static int64_t switch_ns(int pid) {
  if (pid <= 0) return 0;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR* tasks = opendir(path);
  if (tasks == NULL) fail(path);
  int64_t sum = 0;
  for (struct dirent* task; (task = readdir(tasks)) != NULL;) {
    if (task->d_name[0] == '.') continue;
    char file[340];
    long long run_time;
    snprintf(file, sizeof file, "%s/%s/schedstat", path, task->d_name);
    // A thread that has just ended has none.
    if (read_numbers(file, &run_time, 1) == 1) sum += run_time;
  }
  closedir(tasks);
  return sum;
}

// /proc/stat, proc(5): user, nice, system, idle, iowait, irq, softirq, steal, in ticks.
static int64_t busy_ns(void) {
  long long ticks[8] = {0};
  read_numbers("/proc/stat", ticks, 8);
  return (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7]) * (1000000000 / sysconf(_SC_CLK_TCK));
}

struct moment moment_now(const struct load_request* request) {
  struct timespec own;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
  return (struct moment){.at_ns = clock_ns(),
                         .switch_ns = switch_ns(request->pid),
                         .own_ns = (int64_t)own.tv_sec * 1000000000 + own.tv_nsec,
                         .busy_ns = busy_ns()};
}

void moments_between(struct load_result* result, const struct moment* from, const struct moment* to) {
  const double all = (double)(to->at_ns - from->at_ns) * (double)sysconf(_SC_NPROCESSORS_ONLN);
  const int64_t known = to->switch_ns - from->switch_ns + to->own_ns - from->own_ns;
  const double strangers = (double)(to->busy_ns - from->busy_ns - known) / all;
  result->seconds = (double)(to->at_ns - from->at_ns) / 1e9;
  result->cpu_ns = to->switch_ns - from->switch_ns;
  result->strangers = strangers > 0 ? strangers : 0;
}

static void print_result(const struct load_request* request, const struct load_result* result) {
  printf("{\"workload\":\"%s\",\"bytes\":%zu,\"window\":%d,\"ports\":%d,\"seconds\":%.6f", request->workload,
         request->bytes, request->window, request->ports, result->seconds);
  printf(",\"sent\":%llu,\"delivered\":%llu,\"lost\":%llu,\"late\":%llu,\"cpuNs\":%lld",
         (unsigned long long)result->sent, (unsigned long long)result->delivered,
         (unsigned long long)result->lost, (unsigned long long)result->late, (long long)result->cpu_ns);
  printf(",\"strangers\":%.4f", result->strangers);
  printf(",\"p50us\":%.3f,\"p99us\":%.3f,\"p999us\":%.3f", result->quantile_us[0],
         result->quantile_us[1], result->quantile_us[2]);
  printf(",\"acceptsMs\":%.3f,\"firstMs\":%.3f}\n", result->accepts_ms, result->first_ms);
}

static void stay_on(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) < 0) fail("--cpu");
}

static enum attachment attachment_named(const char* name) {
  if (strcmp(name, "seqpacket") == 0) return ATTACH_SEQPACKET;
  if (strcmp(name, "vde") == 0) return ATTACH_VDE;
  if (strcmp(name, "bridge") == 0) return ATTACH_BRIDGE;
  fprintf(stderr, "load: no such way to a switch: %s\n", name);
  exit(2);
}

static void read_option(struct load_request* request, const char* name, const char* value) {
  if (strcmp(name, "--to") == 0) request->how = attachment_named(value);
  else if (strcmp(name, "--path") == 0) request->path = value;
  else if (strcmp(name, "--workload") == 0) request->workload = value;
  else if (strcmp(name, "--bytes") == 0) request->bytes = strtoul(value, NULL, 10);
  else if (strcmp(name, "--window") == 0) request->window = atoi(value);
  else if (strcmp(name, "--ports") == 0) request->ports = atoi(value);
  else if (strcmp(name, "--seconds") == 0) request->seconds = atof(value);
  else if (strcmp(name, "--warm") == 0) request->warm_seconds = atof(value);
  else if (strcmp(name, "--rate") == 0) request->rate = atof(value);
  else if (strcmp(name, "--beside") == 0) request->beside_rate = atof(value);
  else if (strcmp(name, "--pid") == 0) request->pid = atoi(value);
  else if (strcmp(name, "--since") == 0) request->since_ns = strtoll(value, NULL, 10);
  else if (strcmp(name, "--cpu") == 0) stay_on(atoi(value));
  else {
    fprintf(stderr, "load: no such option: %s\n", name);
    exit(2);
  }
}

static void check_request(const struct load_request* request) {
  const bool usable = request->bytes >= FRAME_BYTES_MIN && request->bytes <= FRAME_BYTES_MAX &&
                      request->window >= 1 && request->ports >= 1 && request->ports <= 4096 &&
                      request->path != NULL;
  if (usable) return;
  fprintf(stderr, "load: an option is missing or out of range\n");
  exit(2);
}

int main(int argc, char** argv) {
  // Whoever measures may be killed; nobody is to be left behind.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  struct load_request request = {
      .workload = "closed", .bytes = FRAME_BYTES_MIN, .window = 64, .ports = 2, .seconds = 1, .warm_seconds = 0.1};
  for (int i = 1; i + 1 < argc; i += 2) read_option(&request, argv[i], argv[i + 1]);
  check_request(&request);
  const struct rlimit files = {8192, 8192};
  setrlimit(RLIMIT_NOFILE, &files);
  // A sleep of 100 microseconds is to be one.
  prctl(PR_SET_TIMERSLACK, 1000);
  if (request.how == ATTACH_BRIDGE) bridge_make();

  const struct {
    const char* name;
    void (*run)(const struct load_request*, struct load_result*);
  } workloads[] = {{"closed", run_closed},      {"fanout", run_fan_out}, {"flood", run_flood}, {"paced", run_paced},
                   {"pingpong", run_ping_pong}, {"first", run_first},    {"churn", run_churn},
                     {"attached", run_attached}};
  for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
    if (strcmp(workloads[i].name, request.workload) != 0) continue;
    struct load_result result = {0};
    workloads[i].run(&request, &result);
    print_result(&request, &result);
    return 0;
  }
  fprintf(stderr, "load: no such workload: %s\n", request.workload);
  return 2;
}
