"""`send` and `receive`: messages of queues and topics in simulated clouds, for people and scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.application.queries.history import list_simulated_stacks
from semantest_iac.domain.errors import Fault, NotFoundError, RefusedError
from semantest_iac.domain.messaging.message_filters import ATTRIBUTE_NAME, AttributeValue
from semantest_iac.domain.messaging.messages import DeliveredMessage, MessageCounts, SentMessage
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import program_name
from semantest_iac.presentation.cli.home_folder import require_writable_home
from semantest_iac.presentation.cli.options import place_options, session_options
from semantest_iac.presentation.cli.parsing.completion import complete_with, find_queue_names, find_topic_names
from semantest_iac.presentation.cli.parsing.contents import read_content
from semantest_iac.presentation.cli.parsing.deployed_stacks import find_deployed
from semantest_iac.presentation.cli.session import ConfigurationOptions, Session, StackSelector

if TYPE_CHECKING:
    from semantest_iac.application.ports.local_messages import LocalMessages, MessageReceipts, ReceivedMessages

_MOST_ATTRIBUTES = 10
_LONGEST_DELAY_S, _LONGEST_WAIT_S, _MOST_COPIES, _MOST_RECEIVED = 900, 600, 10_000, 1000
_NO_TEXT = "it is no UTF-8 text."

SEND_HELP = """Send a message to a queue or topic of a simulated stack.

\b
  semantest-iac send --queue orders-queue '{"order": 7}'
  semantest-iac send --topic events-topic --attribute kind=order.paid --attribute total=120 @event.json
  generate | semantest-iac send --queue orders-queue -

The body is a text; @FILE reads a file, - stdin. A value of an attribute that is a number is sent as one, unless it
stands in double quotes. `serve` delivers what was sent, also if it is started later.
"""


def _require_text(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return the value of an option; bytes of the command line that are no UTF-8 are no text."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise click.BadParameter(_NO_TEXT) from error
    return value


def _parse_attributes(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {}
    for written in values:
        name, equals, text = written.partition("=")
        if not equals or not text or ATTRIBUTE_NAME.fullmatch(name) is None:
            raise click.BadParameter(f"'{written[:100]}' is not NAME=VALUE with a name such as order_type.")
        attributes[name] = _parse_attribute_value(_require_text(context, parameter, text))
    if len(attributes) > _MOST_ATTRIBUTES:
        raise click.BadParameter(f"a message has {_MOST_ATTRIBUTES} attributes at most.")
    return attributes


def _parse_attribute_value(text: str) -> AttributeValue:
    if len(text) > 2 and text[0] == text[-1] == '"':
        return text[1:-1]
    try:
        number = json.loads(text)
    except ValueError:
        return text
    return number if isinstance(number, int | float) and not isinstance(number, bool) else text


@click.command("send", help=SEND_HELP)
@click.argument("body")
@click.option("--queue", metavar="NAME", shell_complete=complete_with(find_queue_names), help="The queue to send to.")
@click.option("--topic", metavar="NAME", shell_complete=complete_with(find_topic_names), help="The topic to send to.")
@click.option(
    "--attribute",
    "attributes",
    multiple=True,
    callback=_parse_attributes,
    metavar="NAME=VALUE",
    help="What filters look at. Can be repeated.",
)
@click.option(
    "--group", default="", callback=_require_text, metavar="NAME", help="The group in which messages stay in order."
)
@click.option(
    "--id", "identifier", default="", callback=_require_text, metavar="ID", help="The id by which duplicates are found."
)
@click.option("--delay", type=click.IntRange(0, _LONGEST_DELAY_S), metavar="SECONDS", help="Until anybody gets it.")
@click.option("--count", type=click.IntRange(1, _MOST_COPIES), default=1, metavar="N", help="Send it so many times.")
@place_options
@session_options
def send_command(  # noqa: PLR0913  # one parameter for each option
    session: Session,
    selector: StackSelector,
    body: str,
    queue: str | None,
    topic: str | None,
    attributes: Mapping[str, AttributeValue],
    group: str,
    identifier: str,
    delay: int | None,
    count: int,
) -> int:
    from semantest_iac.presentation.cli.execution import run_interruptible

    if (queue is None) == (topic is None):
        raise click.UsageError("Name where to send to: either --queue NAME or --topic NAME.")
    if identifier and count > 1:
        raise click.UsageError("--id is for one message; omit it, or --count.")
    message = SentMessage(_read_text(body), attributes, group, identifier, delay)
    require_writable_home(session.application.home)
    stacks, messages = _open_messages(session, selector)
    sending = messages.send(stacks, [message] * count, queue=queue or "", topic=topic or "")
    receipts: MessageReceipts = run_interruptible(sending, session.terminal)
    answer = {"stack": receipts.stack, "destination": receipts.destination, "ids": [*receipts.ids]}
    session.answer(answer, _format_sent(receipts))
    if receipts.functions and not session.application.messages_address():
        remark = f"`serve` does not run: {', '.join(receipts.functions)} gets it once you run {program_name()} serve."
        session.terminal.print_remarks(remark)
    return OK


def _format_sent(receipts: MessageReceipts) -> Iterator[str]:
    what = "1 message" if len(receipts.ids) == 1 else f"{len(receipts.ids)} messages"
    yield f"Sent {what} to {receipts.destination} of {receipts.stack}: {receipts.ids[0]}" + (
        " and others." if len(receipts.ids) > 1 else "."
    )


def _read_text(body: str) -> str:
    try:
        return read_content(body, "BODY").decode()
    except UnicodeDecodeError as error:
        raise click.BadParameter(_NO_TEXT, param_hint="BODY") from error


RECEIVE_HELP = """Receive messages of a queue or subscription of a simulated stack, and remove them from it.

\b
  semantest-iac receive --queue orders-queue --dead-letters
  semantest-iac receive --queue audit --max 100 --wait 30 --json

What functions get as well, they may get first. With --keep the messages stay, and nothing changes.
"""


@click.command("receive", help=RECEIVE_HELP)
@click.option(
    "--queue",
    required=True,
    metavar="NAME",
    shell_complete=complete_with(find_queue_names),
    help="The queue or subscription.",
)
@click.option("--dead-letters", is_flag=True, help="Receive those that nobody could handle.")
@click.option("--max", "most", type=click.IntRange(1, _MOST_RECEIVED), default=10, metavar="N", show_default=True)
@click.option(
    "--wait", type=click.IntRange(0, _LONGEST_WAIT_S), default=0, metavar="SECONDS", help="For the first one."
)
@click.option("--keep", is_flag=True, help="Only look at them.")
@place_options
@session_options
def receive_command(  # noqa: PLR0913  # one parameter for each option
    session: Session,
    selector: StackSelector,
    queue: str,
    dead_letters: bool,
    most: int,
    wait: int,
    keep: bool,
) -> int:
    from semantest_iac.presentation.cli.execution import run_interruptible

    require_writable_home(session.application.home)
    stacks, messages = _open_messages(session, selector)
    receiving = messages.receive(stacks, queue, most=most, wait_s=wait, keeps=keep, dead_letters=dead_letters)
    received: ReceivedMessages = run_interruptible(receiving, session.terminal)
    session.answer(_received_to_dict(received), _format_received(received))
    session.terminal.flush()  # what could not be shown stays in the queue
    if not keep:
        run_interruptible(messages.delete(received), session.terminal)
    return OK


def _received_to_dict(received: ReceivedMessages) -> dict[str, Any]:
    left = received.left
    return {
        "stack": received.stack,
        "queue": received.queue,
        "messages": [_message_to_dict(it) for it in received.messages],
        "left": {"waiting": left.waiting, "locked": left.locked, "delayed": left.delayed},
    }


def _message_to_dict(message: DeliveredMessage) -> dict[str, Any]:
    return {
        "id": message.id,
        "sent_at": message.sent_at.isoformat(timespec="milliseconds"),
        "deliveries": message.deliveries,
        "group": message.group,
        "attributes": dict(message.attributes),
        "body": message.body,
    }


def _format_received(received: ReceivedMessages) -> Iterator[str]:
    for message in received.messages:
        group = f"  group {message.group}" if message.group else ""
        attributes = "".join(f"  {name}={value}" for name, value in message.attributes.items())
        sent = f"{message.sent_at.astimezone():%Y-%m-%d %H:%M:%S}"
        yield f"{message.id}  sent {sent}  delivered {message.deliveries}x{group}{attributes}"
        yield from (f"  {line}" for line in message.body.split("\n"))
    if not received.messages:
        yield f"No message of {received.queue} of {received.stack} can be received now{_describe_rest(received.left)}."


def _describe_rest(left: MessageCounts) -> str:
    parts = ((left.locked, "locked by receivers"), (left.delayed, "delayed"))
    rest = ", ".join(f"{number} {what}" for number, what in parts if number)
    return f" ({rest})" if rest else ""


def _open_messages(session: Session, selector: StackSelector) -> tuple[list[str], LocalMessages]:
    """Return the simulated stacks that fit, and their messages; raises NotFoundError or RefusedError without any."""
    session.build_stack_filter(selector)
    ledger = session.application.ledger
    simulated = {row.stack for row in list_simulated_stacks(ledger)}
    fitting = find_deployed(ledger, selector)
    stacks = [name for name in fitting if name in simulated]
    if fitting and not stacks:
        faults = [Fault(name, "is in a real cloud") for name in fitting]
        hint = "Use the tools of the cloud there."
        raise RefusedError("Cannot use the queues of real clouds.", "NOT_LOCAL", hint=hint, faults=faults)
    if not stacks:
        hint = f"Run: {program_name()} deploy"
        raise NotFoundError("No stack that fits is deployed in a simulated cloud here.", hint=hint)
    loaded = session.load_configuration(StackSelector(), ConfigurationOptions())  # for its secrets
    return stacks, session.application.local_messages(loaded.variables)
