"""The one script that counts in Redis, and the words that it is spoken to in.

A call has any number of entries, of any number of requests; Redis runs it as one. Its keys are those of the
entries in their order, its argument the words of all entries, separated by blanks. It tells the time by the
clock of Redis alone. Suits Redis 6.2 and 7.
"""

from collections.abc import Sequence
from hashlib import sha1
from typing import Final, final

from gateway.policy.bucket import Want

# Seconds after which Redis forgets a lease that nobody has renewed, and between two renewals.
LEASE: Final = 60
RENEWAL: Final = 20

SCRIPT: Final = """\
local words = string.gmatch(ARGV[1], '%S+')
local time = redis.call('TIME')
-- Seconds since 2025: a number of 53 bits then resolves some nanoseconds.
local now = tonumber(time[1]) - 1735689600 + tonumber(time[2]) / 1000000
local LEASE, SPARE = 60, 10
local position, said = 0, {}

local function number() return tonumber(words()) end

local function exact(value) return string.format('%.17g', value) end

local function key()
  position = position + 1
  return KEYS[position]
end

local function fill(name, seconds)
  redis.call('SET', name, exact(now + seconds), 'PX', math.ceil((seconds + SPARE) * 1000))
end

-- The seconds until the bucket is full.
local function level(name, capacity)
  local full = redis.call('GET', name)
  if not full then return 0 end
  local seconds = math.max(tonumber(full) - now, 0)
  if seconds > capacity then
    -- The clock went back; that must not lock anybody out for as long.
    seconds = capacity
    fill(name, seconds)
  end
  return seconds
end

local function under_way(name, capacity)
  redis.call('ZREMRANGEBYSCORE', name, '-inf', exact(now))
  return math.min(redis.call('ZCARD', name), capacity)
end

-- A lease that counts for several is as many members.
local function hold(name, member, count)
  for index = 1, count do
    redis.call('ZADD', name, exact(now + LEASE), member .. '.' .. index)
  end
  redis.call('PEXPIRE', name, (LEASE + SPARE) * 1000)
end

local entries = {}

-- All of what is wanted, or nothing.
function entries.take()
  local wants, granted = {}, 1
  for index = 1, number() do
    local want = {name = key(), kind = words(), amount = number(), capacity = number()}
    if want.kind == 'lease' then
      want.member = words()
      want.level = under_way(want.name, want.capacity)
    else
      want.level = level(want.name, want.capacity)
    end
    if want.level + want.amount > want.capacity then granted = 0 end
    wants[index] = want
  end
  said[#said + 1] = granted
  for _, want in ipairs(wants) do
    if granted == 1 then
      want.level = want.level + want.amount
      if want.member then hold(want.name, want.member, want.amount) else fill(want.name, want.level) end
    end
    said[#said + 1] = exact(want.level)
  end
end

-- What was taken together with something that another part of a cluster refused.
function entries.undo()
  local name, amount, capacity = key(), number(), number()
  fill(name, math.max(level(name, capacity) - amount, 0))
end

function entries.renew() hold(key(), words(), number()) end

function entries.finish()
  local name, member = key(), words()
  for index = 1, number() do redis.call('ZREM', name, member .. '.' .. index) end
end

for entry in words do entries[entry]() end
return table.concat(said, ' ')
"""

# How Redis names a script that it has seen. A name and no proof of anything.
DIGEST: Final = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()


@final
class Call:
    """One call of the script while it is put together."""

    __slots__ = ("keys", "words")

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.words: list[str] = []

    def take(self, wants: Sequence[Want], member: str) -> None:
        """Take all of these or none; leases are held by `member`."""
        self.words.append(f"take {len(wants)}")
        for charge, key in wants:
            self.keys.append(key)
            kind = f"lease {charge.numbers} {member}" if charge.tier.concurrent else f"rate {charge.numbers}"
            self.words.append(kind)

    def note(self, key: str, words: str) -> None:
        """An entry about one key that has no answer."""
        self.keys.append(key)
        self.words.append(words)

    @property
    def argument(self) -> str:
        """The words as the script reads them."""
        return " ".join(self.words)


def undo(want: Want) -> str:
    """The words that give back what was taken of a rate."""
    return f"undo {want[0].numbers}"


def renew(want: Want, member: str) -> str:
    """The words that keep a lease for another while."""
    return f"renew {member} {want[0].amount!r}"


def finish(want: Want, member: str) -> str:
    """The words that end a lease."""
    return f"finish {member} {want[0].amount!r}"


def is_finish(words: str) -> bool:
    """True for the words that end a lease; to say them again changes nothing."""
    return words.startswith("finish ")
