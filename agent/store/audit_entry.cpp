#include "agent/store/audit_entry.hpp"

#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace relay::store {
namespace {

void put_text(std::string& out, std::string_view name, std::string_view text)
{
    fmt::format_to(std::back_inserter(out), R"(,"{}":{})", name,
                   boost::json::serialize(boost::json::string_view(text)));
}

void put_number(std::string& out, std::string_view name, std::int64_t number)
{
    fmt::format_to(std::back_inserter(out), R"(,"{}":{})", name, number);
}

} // namespace

std::string cut_to(std::string_view text, std::size_t limit)
{
    if (is_utf8(text))
        return std::string(utf8_prefix(text, limit));
    std::string cut(text.substr(0, limit));
    std::replace_if(
        cut.begin(), cut.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
    return cut;
}

std::string audit_text(std::int64_t n, const audit_entry& e)
{
    auto text = fmt::format(R"({{"n":{},"at":"{}")", n, format_rfc3339(e.at));
    put_text(text, "id", e.id);
    put_text(text, "session", e.session);
    put_text(text, "op", e.op);
    put_text(text, "mailbox", e.mailbox);
    if (!e.event_id.empty())
        put_text(text, "event_id", e.event_id);
    put_text(text, "outcome", e.outcome);
    put_number(text, "attempts", e.attempts);
    put_number(text, "took_ms", e.took.count());
    if (e.commands)
        put_number(text, "commands", *e.commands);
    if (e.mailboxes)
        put_number(text, "mailboxes", *e.mailboxes);
    if (!e.addresses.empty()) {
        text += R"(,"addresses":)";
        char before = '[';
        for (const auto& one : e.addresses) {
            text += before;
            text += boost::json::serialize(boost::json::string_view(one));
            before = ',';
        }
        text += ']';
    }
    text += '}';
    return text;
}

audit_hash audit_hash_of(const audit_hash& before, std::string_view text)
{
    auto hashed = audit_hex(before);
    hashed += '\n';
    hashed += text;
    const auto sum = sha256(hashed);
    return to_audit_hash(sum);
}

std::string audit_hex(const audit_hash& hash)
{
    return to_hex(bytes_of(hash));
}

std::string_view bytes_of(const audit_hash& hash) noexcept
{
    return {hash.data(), hash.size()};
}

audit_hash to_audit_hash(std::string_view bytes) noexcept
{
    audit_hash hash{};
    std::copy_n(bytes.begin(), std::min(bytes.size(), hash.size()), hash.begin());
    return hash;
}

} // namespace relay::store
