#include "agent/protocol/fingerprint.hpp"

#include "agent/protocol/fields.hpp"
#include "common/text/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace relay::protocol {
namespace {

// JSON with sorted keys and whole numbers in one form. Depth is bounded by decode(), and by the store that
// kept it.
void put(std::string& out, const json::value& v)
{
    if (const auto* object = v.if_object()) {
        std::vector<const json::key_value_pair*> members;
        for (const auto& member : *object)
            members.push_back(&member);
        std::sort(members.begin(), members.end(), [](auto* a, auto* b) { return a->key() < b->key(); });
        char before = '{';
        for (const auto* member : members) {
            out += before;
            out += json::serialize(member->key());
            out += ':';
            put(out, member->value());
            before = ',';
        }
        out += members.empty() ? "{}" : "}";
    } else if (const auto* array = v.if_array()) {
        out += '[';
        for (const auto& entry : *array) {
            put(out, entry);
            out += ',';
        }
        out += ']';
    } else if (const auto whole = v.is_double() ? as_integer(v) : std::nullopt) {
        out += std::to_string(*whole); // 5.0 is 5: a peer's JSON library may change its mind
    } else {
        out += json::serialize(v);
    }
}

} // namespace

std::string fingerprint(const command& c)
{
    // Each part on a line of its own: JSON text holds no raw line break, so no two commands share a text.
    std::string text = json::serialize(json::string_view(c.op));
    text += '\n';
    text += json::serialize(json::string_view(ascii_lower(c.mailbox))); // addresses are compared without case
    text += '\n';
    put(text, c.params);
    return to_hex(sha256(text));
}

} // namespace relay::protocol
