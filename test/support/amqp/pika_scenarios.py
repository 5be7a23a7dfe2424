"""Scenarios of the AMQP client pika: `pika_scenarios.py NAME HOST PORT VIRTUAL_HOST` prints what the client sees, a JSON line each.

`pika_scenarios.py --list` prints the names.
"""

import functools
import hashlib
import json
import sys

import pika
from pika.exceptions import (
    AMQPConnectionError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    NackError,
    UnroutableError,
)

SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__.replace("_", "-")] = function
    return function


def plain(value):
    if isinstance(value, bytes):
        if len(value) > 64:
            return {"bytes": len(value), "digest": hashlib.sha256(value).hexdigest()[:16]}
        return value.decode("latin-1")
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, pika.BasicProperties):
        return {key: plain(member) for key, member in vars(value).items() if member is not None}
    if isinstance(value, pika.frame.Method):
        return plain(value.method)
    if isinstance(value, pika.amqp_object.Method):
        return {"method": value.NAME, **{key: plain(member) for key, member in vars(value).items() if not key.startswith("_")}}
    if isinstance(value, Exception):
        return {"error": type(value).__name__, "text": str(value)}
    return str(value)


def say(what, value=None):
    print(json.dumps([what, plain(value)], sort_keys=True), flush=True)


def failure(attempt):
    try:
        attempt()
    except Exception as error:  # pylint: disable=broad-except
        return error
    raise AssertionError("it did not fail")


def consume_all(channel, queue, count, **options):
    """The first `count` deliveries, not settled."""
    seen = []
    for method, properties, body in channel.consume(queue, **options):
        seen.append((method, properties, body))
        if len(seen) == count:
            break
    return seen


@scenario
def transactions(connect):
    channel = connect().channel()
    other = connect().channel()
    channel.queue_declare("pika-transacted")
    say("selected", channel.tx_select())
    for number in range(3):
        channel.basic_publish("", "pika-transacted", b"rolled back %d" % number)
    say("rolled back", channel.tx_rollback())
    for number in range(3):
        channel.basic_publish("", "pika-transacted", b"committed %d" % number, pika.BasicProperties(delivery_mode=2))
    say("not yet", other.queue_declare("pika-transacted", passive=True).method.message_count)
    say("committed", channel.tx_commit())
    say("there", other.queue_declare("pika-transacted", passive=True).method.message_count)
    first = channel.basic_get("pika-transacted")
    say("got", first)
    channel.basic_ack(first[0].delivery_tag)
    say("acknowledgement rolled back", channel.tx_rollback())
    channel.basic_ack(first[0].delivery_tag)
    say("acknowledgement committed", channel.tx_commit())
    second = channel.basic_get("pika-transacted")
    channel.basic_reject(second[0].delivery_tag, requeue=True)
    say("rejection committed", channel.tx_commit())
    again = other.basic_get("pika-transacted", auto_ack=True)
    say("again", again)
    for message in consume_all(channel, "pika-transacted", 1):
        channel.basic_ack(message[0].delivery_tag)
    say("unroutable in a transaction", channel.basic_publish("", "nowhere", b"x", mandatory=True))
    say("committed", channel.tx_commit())
    channel.close()
    say("left", other.queue_declare("pika-transacted", passive=True).method.message_count)


@scenario
def transactions_of_a_consumer(connect):
    connection = connect()
    publisher = connection.channel()
    publisher.queue_declare("pika-consumed")
    publisher.confirm_delivery()
    for number in range(6):
        publisher.basic_publish("", "pika-consumed", b"%d" % number)
    channel = connection.channel()
    channel.tx_select()
    messages = consume_all(channel, "pika-consumed", 6)
    channel.basic_ack(messages[2][0].delivery_tag, multiple=True)
    channel.tx_rollback()
    channel.basic_ack(messages[3][0].delivery_tag, multiple=True)
    channel.tx_commit()
    channel.basic_nack(messages[4][0].delivery_tag, requeue=False)
    channel.tx_commit()
    channel.close()
    say("left", publisher.basic_get("pika-consumed"))
    say("empty", publisher.basic_get("pika-consumed"))


@scenario
def confirms_and_returns(connect):
    channel = connect().channel()
    say("selected", channel.confirm_delivery())
    channel.queue_declare("pika-confirmed", durable=True)
    for number in range(50):
        channel.basic_publish("", "pika-confirmed", b"%d" % number, pika.BasicProperties(delivery_mode=2), mandatory=True)
    error = failure(lambda: channel.basic_publish("", "nowhere", b"back", pika.BasicProperties(headers={"a": 1}), mandatory=True))
    say("returned", [type(error).__name__, [[one.method, one.properties, one.body] for one in error.messages]])
    assert isinstance(error, UnroutableError)
    channel.queue_declare("pika-small", arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.basic_publish("", "pika-small", b"fits")
    error = failure(lambda: channel.basic_publish("", "pika-small", b"too much"))
    assert isinstance(error, NackError)
    say("refused", type(error).__name__)
    say("count", channel.queue_declare("pika-confirmed", passive=True).method.message_count)


@scenario
def properties(connect):
    channel = connect().channel()
    channel.queue_declare("pika-properties")
    headers = {
        "text": "gr\u00fc\u00df",
        "yes": True,
        "small": -7,
        "large": 2**40,
        "nothing": None,
        "list": [1, "two", [3]],
        "table": {"of": {"tables": []}},
        "bytes": bytes([0, 255, 206]),
    }
    everything = pika.BasicProperties(
        content_type="text/plain",
        content_encoding="identity",
        headers=headers,
        delivery_mode=2,
        priority=3,
        correlation_id="correlation",
        reply_to="reply",
        expiration="600000",
        message_id="message",
        timestamp=1700000001,
        type="kind",
        user_id="guest",
        app_id="application",
        cluster_id="cluster",
    )
    for properties_ in (everything, pika.BasicProperties(), None):
        channel.basic_publish("", "pika-properties", b"body", properties_)
        say("got", channel.basic_get("pika-properties", auto_ack=True))


@scenario
def settling(connect):
    connection = connect()
    channel = connection.channel()
    channel.queue_declare("pika-settled")
    channel.confirm_delivery()
    for number in range(10):
        channel.basic_publish("", "pika-settled", b"%d" % number)
    channel.basic_qos(prefetch_count=10)
    messages = consume_all(channel, "pika-settled", 10)
    say("consumed", messages)
    tags = [method.delivery_tag for method, _, _ in messages]
    channel.basic_ack(tags[0])
    channel.basic_nack(tags[2], multiple=True, requeue=False)
    channel.basic_reject(tags[3], requeue=False)
    channel.basic_ack(tags[5], multiple=True)
    say("requeued by cancel", channel.cancel())
    channel.basic_recover(requeue=True)
    again = consume_all(channel, "pika-settled", 4)
    say("again", again)
    channel.basic_ack(again[3][0].delivery_tag, multiple=True)
    channel.cancel()
    say("left", channel.queue_delete("pika-settled"))


@scenario
def queues(connect):
    connection = connect()
    channel = connection.channel()
    named = channel.queue_declare("", exclusive=True)
    say("named", named)
    say("bound", channel.queue_bind(named.method.queue, "amq.topic", "a.#"))
    channel.exchange_declare("second", "headers", auto_delete=True)
    say("exchanges bound", channel.exchange_bind("second", "amq.topic", "b.#"))
    say("bound", channel.queue_bind(named.method.queue, "second", "", {"x-match": "any", "wanted": "yes"}))
    channel.confirm_delivery()
    channel.basic_publish("amq.topic", "a.x", b"by topic")
    channel.basic_publish("amq.topic", "b.x", b"by header", pika.BasicProperties(headers={"wanted": "yes"}))
    channel.basic_publish("amq.topic", "b.x", b"by neither", pika.BasicProperties(headers={"wanted": "no"}))
    for _ in range(2):
        say("got", channel.basic_get(named.method.queue, auto_ack=True))
    say("unbound", channel.exchange_unbind("second", "amq.topic", "b.#"))
    say("unbound", channel.queue_unbind(named.method.queue, "amq.topic", "a.#"))
    say("purged", channel.queue_purge(named.method.queue))
    say("deleted", channel.queue_delete(named.method.queue))
    say("deleted", channel.exchange_delete("second"))


@scenario
def direct_reply_to(connect):
    connection = connect()
    server = connection.channel()
    server.queue_declare("pika-asked")

    def answer(channel, method, properties_, body):
        say("request", [method, properties_, body])
        channel.basic_publish("", properties_.reply_to, b"re: " + body, pika.BasicProperties(correlation_id=properties_.correlation_id))
        channel.basic_ack(method.delivery_tag)

    server.basic_consume("pika-asked", answer, consumer_tag="server")
    client = connection.channel()
    replies = []
    client.basic_consume("amq.rabbitmq.reply-to", lambda *reply: replies.append(reply[1:]), auto_ack=True, consumer_tag="client")
    for number in range(3):
        options = pika.BasicProperties(reply_to="amq.rabbitmq.reply-to", correlation_id=str(number))
        client.basic_publish("", "pika-asked", b"%d" % number, options)
        while len(replies) <= number:
            connection.process_data_events(time_limit=None)
        say("reply", replies[number])


@scenario
def large_messages(connect):
    for frame_max in (4096, 20000, 131072):
        channel = connect(frame_max=frame_max).channel()
        channel.queue_declare("pika-large")
        channel.confirm_delivery()
        for size in (0, 1, frame_max - 8, frame_max - 7, 1024 * 1024, 5 * 1024 * 1024):
            body = bytes((index * 7 + index // 251) % 256 for index in range(min(size, 1000))) * (size // 1000 + 1)
            channel.basic_publish("", "pika-large", body[:size])
            say("got", channel.basic_get("pika-large", auto_ack=True))


@scenario
def notices(connect):
    connection = connect()
    channel = connection.channel()
    channel.queue_declare("pika-noticed")
    say("flow", channel.flow(True))
    channel.confirm_delivery()
    channel.basic_publish("", "pika-noticed", b"unsettled")
    told = []
    channel.add_on_cancel_callback(lambda frame: told.append(frame.method))
    channel.basic_consume("pika-noticed", lambda _, method, __, body: told.append([method, body]), consumer_tag="tag")
    while len(told) < 1:
        connection.process_data_events(time_limit=None)
    other = connection.channel()
    say("deleted", other.queue_delete("pika-noticed"))
    while len(told) < 2:
        connection.process_data_events(time_limit=None)
    say("told", told)
    other.queue_declare("pika-noticed-again")
    say("open", channel.is_open)


@scenario
def errors(connect):
    connection = connect()
    attempts = {
        "404": lambda channel: channel.queue_declare("missing", passive=True),
        "404 on publish": lambda channel: (channel.confirm_delivery(), channel.basic_publish("missing", "", b"x")),
        "406": lambda channel: channel.queue_declare("pika-there", durable=True),
        "406 on ack": lambda channel: (channel.basic_ack(77), channel.queue_declare("pika-there", passive=True)),
        "403": lambda channel: channel.exchange_declare("amq.mine"),
        "405": lambda channel: channel.queue_declare("pika-private", passive=True),
        "tx after confirm": lambda channel: (channel.confirm_delivery(), channel.tx_select()),
        "confirm after tx": lambda channel: (channel.tx_select(), channel.confirm_delivery()),
        "commit without select": lambda channel: channel.tx_commit(),
    }
    connection.channel().queue_declare("pika-there")
    connect().channel().queue_declare("pika-private", exclusive=True)
    for what, attempt in attempts.items():
        channel = connection.channel()
        error = failure(lambda: attempt(channel))  # pylint: disable=cell-var-from-loop
        assert isinstance(error, ChannelClosedByBroker), error
        say(what, error)
    say("goes on", connection.channel().queue_delete("pika-there"))


@scenario
def connection_errors(connect):
    def taken_tag():
        channel = connect().channel()
        channel.queue_declare("pika-tagged")
        channel._impl.basic_consume("pika-tagged", consumer_tag="twice", on_message_callback=lambda *_: None)
        # pika refuses the second itself; the server shall do it.
        del channel._impl._consumers["twice"]
        channel._impl.basic_consume("pika-tagged", consumer_tag="twice", on_message_callback=lambda *_: None)
        channel.queue_declare("pika-tagged", passive=True)

    def no_such_type():
        connect().channel().exchange_declare("odd", "no-such-type")

    def immediate():
        channel = connect().channel()
        method = pika.spec.Basic.Publish(exchange="", routing_key="x", immediate=True)
        channel._impl._send_method(method, (pika.BasicProperties(), b"now"))
        channel.queue_declare("")

    def flow_off():
        connect().channel().flow(False)

    for attempt in (taken_tag, no_such_type, immediate, flow_off):
        error = failure(attempt)
        say(attempt.__name__, error)
        assert isinstance(error, ConnectionClosedByBroker), error
    say("wrong password", type(failure(lambda: connect(credentials=pika.PlainCredentials("guest", "wrong")))))
    say("no such virtual host", failure(lambda: connect(virtual_host="nowhere")))
    assert isinstance(failure(lambda: connect(virtual_host="nowhere")), AMQPConnectionError)


@scenario
def many_consumers(connect):
    connection = connect()
    publisher = connection.channel()
    publisher.confirm_delivery()
    publisher.queue_declare("pika-worked")
    seen = []

    def take(channel, method, _, body):
        seen.append(body)
        channel.basic_ack(method.delivery_tag)

    for number in range(5):
        channel = connection.channel()
        channel.basic_qos(prefetch_count=2)
        channel.basic_consume("pika-worked", take, consumer_tag="worker-%d" % number)
    for number in range(100):
        publisher.basic_publish("", "pika-worked", b"%03d" % number)
    while len(seen) < 100:
        connection.process_data_events(time_limit=None)
    say("seen", sorted(seen))


@scenario
def heartbeat(connect):
    connection = connect(heartbeat=1)
    channel = connection.channel()
    channel.queue_declare("pika-idle")
    # pika beats and watches only while it waits for something.
    connection.process_data_events(time_limit=3)
    say("open", connection.is_open)
    say("deleted", channel.queue_delete("pika-idle"))


def main():
    if sys.argv[1] == "--list":
        print("\n".join(SCENARIOS))
        return
    name, host, port, virtual_host = sys.argv[1:]
    connections = []

    def connect(**options):
        options = {"host": host, "port": int(port), "virtual_host": virtual_host, **options}
        connection = pika.BlockingConnection(pika.ConnectionParameters(**options))
        connections.append(connection)
        return connection

    SCENARIOS[name](functools.partial(connect))
    for connection in connections:
        if connection.is_open:
            connection.close()


main()
