#include "agent/watch/free_busy_snapshot.hpp"

#include "agent/exchange_access/availability.hpp"

#include <algorithm>

namespace relay::watch {
namespace {

constexpr char busy_mark = 'b', error_mark = 'e'; // another form of either would get another letter
constexpr int status_count = 5;

// Seven bits a byte, the lowest first; the sign in the lowest bit.
void put_number(std::string& out, std::int64_t n)
{
    auto rest = (static_cast<std::uint64_t>(n) << 1) ^ (n < 0 ? ~std::uint64_t{0} : 0);
    while (rest >= 0x80) {
        out += static_cast<char>((rest & 0x7f) | 0x80);
        rest >>= 7;
    }
    out += static_cast<char>(rest);
}

class unpacker {
public:
    explicit unpacker(std::string_view text) : left_(text) {}

    std::int64_t number()
    {
        constexpr int widest = 63;
        std::uint64_t n = 0;
        for (int shift = 0; !left_.empty() && shift <= widest; shift += 7) {
            const auto byte = static_cast<unsigned char>(left_.front());
            left_.remove_prefix(1);
            n |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80)
                return static_cast<std::int64_t>(n >> 1) ^ ((n & 1) != 0 ? -1 : 0);
        }
        failed_ = true;
        left_ = {};
        return 0;
    }
    utc_time time() { return utc_time(milliseconds(number())); }
    bool over() const { return left_.empty(); }
    bool failed() const { return failed_; }
    std::string_view rest() const { return left_; }

private:
    std::string_view left_;
    bool failed_ = false;
};

} // namespace

std::string free_busy_snapshot::packed() const
{
    std::string out;
    if (error) {
        out += error_mark;
        put_number(out, from.time_since_epoch().count());
        put_number(out, (to - from).count());
        out += protocol::name(error->code);
        out += '/';
        out += error->exchange;
        return out;
    }
    out += busy_mark;
    put_number(out, from.time_since_epoch().count());
    put_number(out, (to - from).count());
    auto last = from;
    for (const auto& p : busy) {
        put_number(out, (p.start - last).count());
        put_number(out, (p.end - p.start).count());
        put_number(out, static_cast<int>(p.status));
        last = p.start;
    }
    return out;
}

std::optional<free_busy_snapshot> free_busy_snapshot::unpacked(std::string_view text)
{
    if (text.empty() || (text.front() != busy_mark && text.front() != error_mark))
        return std::nullopt;
    unpacker in(text.substr(1));
    free_busy_snapshot p;
    p.from = in.time();
    p.to = p.from + milliseconds(in.number());
    if (text.front() == error_mark) {
        const auto slash = in.rest().find('/');
        const auto code = protocol::parse_fault_code(in.rest().substr(0, slash));
        if (in.failed() || slash == std::string_view::npos || !code)
            return std::nullopt;
        p.error = protocol::fault{*code, {}, std::string(in.rest().substr(slash + 1))};
        return p;
    }
    auto last = p.from;
    while (!in.over()) {
        ews::busy_period b{};
        b.start = last + milliseconds(in.number());
        b.end = b.start + milliseconds(in.number());
        const auto status = in.number();
        if (in.failed() || status < 0 || status >= status_count)
            return std::nullopt;
        b.status = static_cast<ews::busy_status>(status);
        p.busy.push_back(b);
        last = b.start;
    }
    if (in.failed())
        return std::nullopt;
    return p;
}

bool differs(const free_busy_snapshot& published, const free_busy_snapshot& seen)
{
    if (published.error ||
        seen.error) // its words may name the mailbox's server of the day: only the codes count
        return !published.error || !seen.error || published.error->code != seen.error->code ||
               published.error->exchange != seen.error->exchange;
    // What both windows show. A clock that was set back shows less of the new one.
    const auto from = std::max(published.from, seen.from), to = std::min(published.to, seen.to);
    if (from < to && exchange_access::join_periods(published.busy, from, to) !=
                         exchange_access::join_periods(seen.busy, from, to))
        return true;
    return std::ranges::any_of(seen.busy, [&](const auto& p) {
        if (p.end <= published.to)
            return false;
        const bool goes_on =
            p.start < published.to; // then its part up to there was told, or it is news above
        return !goes_on || p.end < seen.to;
    });
}

} // namespace relay::watch
