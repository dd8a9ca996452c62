"""What must hold, whatever goes wrong. The checker tells what was sent and what came; here it is judged.

A *version* is a message's place in an inbox. Times are time.monotonic() at the client.
"""
import bisect
import time


class Violation(Exception):
    """A promise was broken. `number`: the message it is about, if any."""

    def __init__(self, text, number=None, user=None):
        super().__init__(text)
        self.number, self.user = number, user


class Message:
    __slots__ = ("number", "sender", "device", "to", "text", "client_id", "made_ms", "tries", "answered", "id", "first_try")

    def __init__(self, number, sender, device, to, text, client_id, made_ms):
        self.number, self.sender, self.device, self.to, self.text = number, sender, device, to, text
        self.client_id, self.made_ms = client_id, made_ms
        self.tries = []       # (link, place on the link, start, [outcome])
        self.answered = None  # when the first OK came
        self.first_try = None
        self.id = None

    def history(self):
        lines = ["message %d from user %d (device %s) to user %d, %d characters" % (
            self.number, self.sender, self.device, self.to, len(self.text))]
        for link, place, start, outcome in self.tries:
            lines.append("  %.4f tried on link %d (place %d): %s" % (start, link, place, outcome[0]))
        lines.append("  answered %s" % ("at %.4f" % self.answered if self.answered else "never"))
        return lines


class View:
    """What one device has: its kept snapshot, and the messages that came with it."""

    def __init__(self, user, name):
        self.user, self.name = user, name
        self.snapshot, self.high = b"", 0
        self.reborn = False  # began again after a repair: what others had acknowledged is gone
        self.have = {}      # message number -> (version, time)
        self.promised = {}  # version -> number: seen in an answer that was not kept; must come again
        self.rounds = []    # (start, end) of syncs that left nothing to ask for


class Model:
    def __init__(self):
        self.messages = []
        self.inboxes = {}  # user -> {version: number}
        self.places = {}   # user -> {number: version}
        self.by_id = {}    # message ID -> number
        self.views = []

    def new_message(self, *args):
        message = Message(len(self.messages), *args)
        self.messages.append(message)
        return message

    def new_view(self, user, name):
        view = View(user, name)
        self.views.append(view)
        self.inboxes.setdefault(user, {})
        self.places.setdefault(user, {})
        return view

    # ---- what a client sees at once

    def tried(self, message, link, place):
        """Before the bytes go. Returns the list that takes the outcome."""
        outcome = ["no answer"]
        now = time.monotonic()
        message.first_try = message.first_try or now
        message.tries.append((link, place, now, outcome))
        return outcome

    def sent(self, message, message_id):
        message.answered = message.answered or time.monotonic()
        self.same_id(message, message_id)

    def same_id(self, message, message_id):
        if self.by_id.setdefault(message_id, message.number) != message.number:
            raise Violation("two messages have the same ID", message.number)
        if message.id is None:
            message.id = message_id
        elif message.id != message_id:
            raise Violation("the message has two IDs: %s and %s" % (message.id.hex(), message_id.hex()), message.number)

    def came(self, view, text, version):
        """One entry of an answer: judged whether or not the device keeps it. Returns the message's number."""
        number_text = text.text.split(":", 1)[0]
        if not number_text.isdigit() or int(number_text) >= len(self.messages):
            raise Violation("device %s got a message that nobody sent: %.60r" % (view.name, text.text), user=view.user)
        message = self.messages[int(number_text)]
        number = message.number
        if (text.text, getattr(text, "from"), text.to) != (message.text, message.sender, message.to):
            raise Violation("device %s got the message altered: %.80r" % (view.name, text.text), number, view.user)
        if view.user not in (message.sender, message.to):
            raise Violation("device %s got somebody else's message" % view.name, number, view.user)
        self.same_id(message, text.id)
        other = self.inboxes[view.user].setdefault(version, number)
        if other != number:
            raise Violation("version %d of this inbox was message %d and is now message %d" % (version, other, number), number,
                            view.user)
        place = self.places[view.user].setdefault(number, version)
        if place != version:
            raise Violation("the message is twice in this inbox: versions %d and %d" % (place, version), number, view.user)
        return number

    def answer(self, view, entries, more, keep, snapshot, start):
        """A whole answer of messages [(version, TextMessage)] to the view's snapshot."""
        last = view.high
        numbers = {}
        for version, text in entries:
            if version <= last:
                raise Violation("device %s: version %d came after version %d" % (view.name, version, last), user=view.user)
            last = version
            numbers[version] = self.came(view, text, version)
        self.again(view, numbers, last, more)
        if not keep:
            view.promised.update(numbers)
            return
        now = time.monotonic()
        for version, number in numbers.items():
            if number in view.have:
                raise Violation("device %s got the message twice" % view.name, number, view.user)
            view.have[number] = (version, now)
        view.promised.clear()
        view.snapshot, view.high = snapshot, last
        if not more:
            view.rounds.append((start, now))

    def again(self, view, numbers, last, more):
        """The same snapshot brought again gives what it gave before, and more."""
        for version, number in view.promised.items():
            if (version <= last or not more) and numbers.get(version) != number:
                raise Violation("device %s brought the same snapshot again, and version %d did not come again" % (
                    view.name, version), number, view.user)

    def forget(self, view):
        """After a repair the snapshot means nothing: places are given anew, and what a device has it keeps."""
        view.snapshot, view.high, view.reborn = b"", 0, True
        view.promised.clear()
        view.have.clear()
        self.inboxes[view.user].clear()
        self.places[view.user].clear()

    # ---- what the history shows

    def wanted(self, view, message):
        return view.user in (message.to, message.sender)

    def check_complete(self):
        """At the end, when all devices have synced: every answered message is where it belongs."""
        for view in self.views:
            for message in self.messages:
                if message.answered and self.wanted(view, message) and message.number not in view.have:
                    raise Violation("device %s of user %d never got an answered message" % (view.name, view.user),
                                    message.number, view.user)

    def check_fresh(self):
        """A sync that began after the answer has the message, if the user is its recipient or its sender."""
        for view in self.views:
            starts = [start for start, _ in view.rounds]
            for message in self.messages:
                if not message.answered or not self.wanted(view, message):
                    continue
                i = bisect.bisect_right(starts, message.answered)
                if i < len(starts) and view.have[message.number][1] > view.rounds[i][1]:
                    raise Violation("device %s synced from %.4f to %.4f without an answered message" % (
                        view.name, *view.rounds[i]), message.number, view.user)

    def check_time_order(self):
        """Answered before another one was first tried: lower in the recipient's inbox."""
        for user, inbox in self.inboxes.items():
            latest, who = 0, None
            for _, number in sorted(inbox.items()):
                message = self.messages[number]
                if message.to != user:
                    continue
                if message.answered and message.answered < latest:
                    raise Violation("answered at %.4f, and stands behind message %d, first tried at %.4f" % (
                        message.answered, who, latest), number, user)
                if message.first_try > latest:
                    latest, who = message.first_try, number

    def check_link_order(self):
        """R7: what went once, over one link, to one recipient, stands in that order. Returns how many pairs were compared."""
        lines, pairs = {}, 0
        for message in self.messages:
            if len(message.tries) == 1 and message.number in self.places.get(message.to, {}):
                link, place, _, _ = message.tries[0]
                lines.setdefault((link, message.to), []).append((place, message.number))
        for (link, to), line in lines.items():
            line.sort()
            for (_, a), (_, b) in zip(line, line[1:]):
                pairs += 1
                if self.places[to][a] > self.places[to][b]:
                    raise Violation("order on link %d: message %d was sent before message %d and stands behind it" % (link, a, b),
                                    a, to)
        return pairs

    def recognised(self):
        """Repeats that were answered though the message had long arrived."""
        count = 0
        for message in self.messages:
            came = [view.have[message.number][1] for view in self.views if message.number in view.have]
            if came and any(start > min(came) and outcome[0] == "ok" for _, _, start, outcome in message.tries):
                count += 1
        return count

    def describe(self, violation):
        lines = []
        if violation.number is not None:
            message = self.messages[violation.number]
            lines += message.history()
            for view in self.views:
                if message.number in view.have:
                    lines.append("  device %s of user %d has it as version %d since %.4f" % (
                        view.name, view.user, *view.have[message.number]))
                elif self.wanted(view, message):
                    lines.append("  device %s of user %d does not have it (its snapshot reaches version %d)" % (
                        view.name, view.user, view.high))
        return lines
