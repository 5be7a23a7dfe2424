/*
 * delay_bridge: a wire with a propagation delay, for kernels without netem.
 *
 *   delay_bridge IFACE_A IFACE_B DELAY_US CAPACITY_FRAMES
 *
 * Each frame that arrives on one interface leaves on the other DELAY_US microseconds later, in order. It never
 * shapes: a queue must form at the switch port in front of it. At most CAPACITY_FRAMES frames are under way in each
 * direction; what does not fit, or is longer than FRAME_BYTES, is dropped and counted.
 *
 * Prints one JSON line when it forwards, and one with its counters on SIGTERM. packet(7), ppoll(2).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum { FRAME_BYTES = 1600, RECEIVE_BUFFER_BYTES = 8 << 20, BURST_FRAMES = 64 };

struct frame {
    int64_t due_ns;
    uint32_t length;
    uint8_t bytes[FRAME_BYTES];
};

/* One direction: a ring of frames in the order of their due times, which is the order of their arrival. */
struct direction {
    int from, to;
    struct frame *ring;
    uint32_t head, count;
    uint64_t forwarded, overflowed, oversized, refused;
};

static volatile sig_atomic_t stopping;

static void stop(int signal_number) {
    (void)signal_number;
    stopping = 1;
}

static void die(const char *what) {
    fprintf(stderr, "delay_bridge: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t parse(const char *text, int64_t least, int64_t most, const char *what) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < least || value > most) {
        fprintf(stderr, "delay_bridge: %s must be %lld to %lld, not '%s'\n", what, (long long)least, (long long)most,
                text);
        exit(2);
    }
    return value;
}

static int open_interface(const char *name) {
    int one = 1, bytes = RECEIVE_BUFFER_BYTES;
    /* Protocol 0 until it is bound: otherwise frames of other interfaces arrive meanwhile. */
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one)) die("PACKET_IGNORE_OUTGOING");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) &&
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes))
        die("SO_RCVBUF");
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    address.sll_ifindex = (int)if_nametoindex(name);
    if (!address.sll_ifindex) die(name);
    if (bind(fd, (struct sockaddr *)&address, sizeof address)) die(name);
    return fd;
}

/* Takes in what has arrived, up to a burst, so that neither direction keeps the other waiting. */
static void receive(struct direction *way, uint32_t capacity, int64_t delay_ns) {
    static uint8_t spill[FRAME_BYTES];
    for (int burst = 0; burst < BURST_FRAMES; burst++) {
        int full = way->count == capacity;
        struct frame *slot = &way->ring[(way->head + way->count) % capacity];
        ssize_t length = recv(way->from, full ? spill : slot->bytes, FRAME_BYTES, MSG_TRUNC);
        if (length < 0) {
            if (errno == EAGAIN || errno == EINTR || errno == ENETDOWN) return;
            die("recv");
        }
        if (full) {
            way->overflowed++;
        } else if (length > FRAME_BYTES) {
            way->oversized++;
        } else {
            slot->length = (uint32_t)length;
            slot->due_ns = now_ns() + delay_ns;
            way->count++;
        }
    }
}

/* Lets go what is due; returns when the next frame is due, or 0 when none waits. */
static int64_t release(struct direction *way, uint32_t capacity) {
    while (way->count) {
        struct frame *first = &way->ring[way->head];
        if (first->due_ns > now_ns()) return first->due_ns;
        if (send(way->to, first->bytes, first->length, 0) < 0)
            way->refused++;
        else
            way->forwarded++;
        way->head = (way->head + 1) % capacity;
        way->count--;
    }
    return 0;
}

static void report(const char *name, const struct direction *way) {
    printf("\"%s\":{\"forwarded\":%llu,\"overflowed\":%llu,\"oversized\":%llu,\"refused\":%llu}", name,
           (unsigned long long)way->forwarded, (unsigned long long)way->overflowed,
           (unsigned long long)way->oversized, (unsigned long long)way->refused);
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: delay_bridge IFACE_A IFACE_B DELAY_US CAPACITY_FRAMES\n");
        return 2;
    }
    int64_t delay_ns = parse(argv[3], 0, 10000000, "DELAY_US") * 1000;
    uint32_t capacity = (uint32_t)parse(argv[4], 1, 65536, "CAPACITY_FRAMES");
    int a = open_interface(argv[1]), b = open_interface(argv[2]);
    struct direction ways[2] = {{.from = a, .to = b}, {.from = b, .to = a}};
    for (int index = 0; index < 2; index++) {
        ways[index].ring = calloc(capacity, sizeof(struct frame));
        if (!ways[index].ring) die("memory");
    }

    /* SIGTERM is let through in ppoll only, so that none is lost between the test and the wait. */
    sigset_t blocked, waiting;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &waiting);
    sigdelset(&waiting, SIGTERM);
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);

    /* The default slack of 50 us would be added to each delay. */
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    /* A wire does not wait for the processor; where this is forbidden the delay jitters more. */
    struct sched_param priority = {.sched_priority = 1};
    int realtime = sched_setscheduler(0, SCHED_RR, &priority) == 0;
    printf("{\"event\":\"ready\",\"realtime\":%s}\n", realtime ? "true" : "false");
    fflush(stdout);

    struct pollfd sockets[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
    while (!stopping) {
        int64_t next_ns = 0;
        for (int index = 0; index < 2; index++) {
            int64_t due_ns = release(&ways[index], capacity);
            if (due_ns && (!next_ns || due_ns < next_ns)) next_ns = due_ns;
        }
        struct timespec timeout = {0};
        int64_t left_ns = next_ns ? next_ns - now_ns() : 0;
        if (left_ns > 0) {
            timeout.tv_sec = left_ns / 1000000000;
            timeout.tv_nsec = left_ns % 1000000000;
        }
        if (ppoll(sockets, 2, next_ns ? &timeout : NULL, &waiting) < 0 && errno != EINTR) die("ppoll");
        for (int index = 0; index < 2; index++)
            if (sockets[index].revents) receive(&ways[index], capacity, delay_ns);
    }
    printf("{\"event\":\"counters\",");
    report("a_to_b", &ways[0]);
    printf(",");
    report("b_to_a", &ways[1]);
    printf("}\n");
    return 0;
}
