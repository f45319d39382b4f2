// The floor: what a closed loop costs in C when nothing is measured, parsed or checked. One
// thread, edge-triggered epoll, one write and one read per request; a read is taken for a
// complete response. No load generator on sockets and epoll can cost less.
//
//	floor HOST PORT CONNECTIONS SECONDS
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
	if (argc != 5) {
		fprintf(stderr, "usage: floor HOST PORT CONNECTIONS SECONDS\n");
		return 2;
	}
	char request[256], response[65536];
	const char *format = "GET / HTTP/1.1\r\nHost: %s:%s\r\nUser-Agent: floor\r\n\r\n";
	int length = snprintf(request, sizeof request, format, argv[1], argv[2]);
	struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
	inet_pton(AF_INET, argv[1], &server.sin_addr);
	int epoll = epoll_create1(0), connections = atoi(argv[3]), one = 1;
	for (int i = 0; i < connections; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&server, sizeof server) != 0) {
			perror("connect");
			return 1;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		fcntl(fd, F_SETFL, O_NONBLOCK);
		struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.fd = fd};
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
		if (write(fd, request, length) != length)
			return 1;
	}
	struct epoll_event events[256];
	unsigned long responses = 0;
	double start = now(), end = start + atof(argv[4]);
	while (now() < end) {
		int n = epoll_wait(epoll, events, 256, 100);
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			ssize_t got = read(fd, response, sizeof response);
			if (got < 0 && errno == EAGAIN)
				continue;
			if (got <= 0 || write(fd, request, length) != length) {
				fprintf(stderr, "floor: the server closed a connection\n");
				return 1;
			}
			responses++;
		}
	}
	printf("%lu responses in %.3f s\n", responses, now() - start);
	return 0;
}
