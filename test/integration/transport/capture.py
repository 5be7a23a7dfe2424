"""Prints the frames at an interface, in both directions, one a line in hexadecimal, until standard input closes."""

import select
import socket
import sys

ETH_P_ALL = 3
HEAD_BYTES = 128

capture = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
capture.bind((sys.argv[1], 0))
print('"ready"', flush=True)
open_input = True
while open_input:
    readable, _, _ = select.select([capture, sys.stdin], [], [])
    if capture in readable:
        print(f'"{capture.recv(65536)[:HEAD_BYTES].hex()}"', flush=True)
    elif sys.stdin in readable:
        open_input = sys.stdin.readline() != ""
print("null", flush=True)
