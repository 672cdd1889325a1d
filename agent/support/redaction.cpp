#include "agent/support/redaction.hpp"

#include "common/log/line_formatter.hpp"
#include "common/text/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace relay::support {
namespace {

constexpr std::string_view hidden = "***";
constexpr std::size_t shortest_base64 = 5; // of the part that a secret alone decides

bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_base64(char c)
{
    return is_alphanumeric(c) || c == '+' || c == '/' || c == '=' || c == '-' || c == '_';
}

// ---- the forms of a secret ----

enum class byte_order { little, big };

// UTF-8 to UTF-16; what is no UTF-8 goes byte by byte.
std::string utf16(std::string_view text, byte_order order)
{
    std::string out;
    const auto unit = [&](unsigned u) {
        const std::array<char, 2> bytes{static_cast<char>(u & 0xff), static_cast<char>(u >> 8)};
        out += bytes[order == byte_order::little ? 0 : 1];
        out += bytes[order == byte_order::little ? 1 : 0];
    };
    const auto byte = [&](std::size_t i) {
        return static_cast<unsigned>(static_cast<unsigned char>(text[i]));
    };
    const bool wide = is_utf8(text);
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = byte(i);
        const std::size_t length = !wide || lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
        unsigned point = length == 1 ? lead : lead & (0x7fU >> length);
        for (std::size_t k = 1; k < length; ++k)
            point = (point << 6) | (byte(i + k) & 0x3f);
        if (point >= 0x10000) {
            unit(0xd800 + ((point - 0x10000) >> 10));
            unit(0xdc00 + ((point - 0x10000) & 0x3ff));
        } else {
            unit(point);
        }
        i += length;
    }
    return out;
}

// The part of the base64 of a text with `bytes` in it that does not depend on what stands around them, for each of the
// three places where they may begin in a group.
std::vector<std::string> base64_cores(std::string_view bytes)
{
    constexpr std::array<std::size_t, 3> tainted{0, 2, 3}; // characters that the bytes before decide, too
    std::vector<std::string> cores;
    for (std::size_t before = 0; before < tainted.size(); ++before) {
        auto text = to_base64(std::string(before, '\0') + std::string(bytes));
        text.erase(std::find(text.begin(), text.end(), '='), text.end());
        if ((before + bytes.size()) % 3 != 0)
            text.pop_back();
        if (text.size() < tainted.at(before) + shortest_base64)
            continue;
        text.erase(0, tainted.at(before));
        cores.push_back(text);
        std::replace(text.begin(), text.end(), '+', '-');
        std::replace(text.begin(), text.end(), '/', '_');
        cores.push_back(std::move(text));
    }
    return cores;
}

void add_once(std::vector<std::string>& to, std::string text)
{
    if (std::find(to.begin(), to.end(), text) == to.end())
        to.push_back(std::move(text));
}

std::optional<unsigned> hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return static_cast<unsigned>(c - '0');
    const char low = static_cast<char>(c | 0x20);
    return low >= 'a' && low <= 'f' ? std::optional(static_cast<unsigned>(low - 'a') + 10) : std::nullopt;
}

// ---- what looks like a secret ----

// The whole text without private keys: they go over many lines.
std::string without_private_keys(std::string_view text, std::size_t& count)
{
    constexpr std::string_view begin = "-----BEGIN ", key = "PRIVATE KEY-----", end = "-----END ";
    std::string out;
    for (;;) {
        auto from = text.find(begin);
        while (from != text.npos) {
            const auto dashes = text.find("-----", from + begin.size());
            if (dashes != text.npos && text.substr(0, dashes + 5).ends_with(key))
                break;
            from = text.find(begin, from + begin.size());
        }
        if (from == text.npos) {
            out.append(text);
            return out;
        }
        ++count;
        out.append(text.substr(0, from)).append(hidden);
        const auto last = text.find(end, from);
        const auto stop = last == text.npos ? text.npos : text.find(key, last);
        if (stop == text.npos)
            return out; // cut off in the middle of it
        text.remove_prefix(stop + key.size());
    }
}

// User and password of a URL: from after "://" to the '@'.
template <class Found>
void find_url_users(std::string_view line, Found found)
{
    for (auto at = line.find("://"); at != line.npos; at = line.find("://", at + 3)) {
        const auto begin = at + 3;
        const auto end = line.find_first_of("/?# \t\"'<>", begin);
        const auto sign = line.substr(0, end).rfind('@');
        if (sign != line.npos && sign >= begin)
            found(begin, sign);
    }
}

// What follows "Authorization:" and "Proxy-Authorization:", and a scheme with what looks like its token.
template <class Found>
void find_authorizations(std::string_view line, const std::string& lower, Found found)
{
    constexpr std::string_view name = "authorization:";
    if (const auto at = lower.find(name); at != lower.npos)
        found(at + name.size(), line.size());
    constexpr std::size_t shortest_token = 8;
    for (const std::string_view scheme : {"basic ", "bearer ", "negotiate ", "ntlm "})
        for (auto at = lower.find(scheme); at != lower.npos; at = lower.find(scheme, at + scheme.size())) {
            const auto begin = at + scheme.size();
            auto end = begin;
            bool mixed = false; // words are of one kind of letters
            for (; end < line.size() && (is_base64(line[end]) || line[end] == '.'); ++end)
                mixed = mixed || !(line[end] >= 'a' && line[end] <= 'z');
            if (mixed && end - begin >= shortest_token)
                found(begin, end);
        }
}

bool is_local_part(char c)
{
    return is_alphanumeric(c) || std::string_view("._%+-!$*^{}~").find(c) != std::string_view::npos ||
           static_cast<unsigned char>(c) >= 0x80;
}

bool is_domain(char c)
{
    return is_alphanumeric(c) || c == '.' || c == '-' || static_cast<unsigned char>(c) >= 0x80;
}

} // namespace

bool redaction::hide(std::string_view secret)
{
    if (secret.size() < shortest_secret)
        return false;
    const auto quoted = [](std::string_view text) { return json_escaped(text); };
    for (const auto& form : {std::string(secret), quoted(secret), quoted(quoted(secret)),
                             markup_escaped(secret), printable(secret)})
        add_once(plain_, form);
    for (const auto& bytes :
         {std::string(secret), utf16(secret, byte_order::little), utf16(secret, byte_order::big)}) {
        add_once(plain_, bytes);
        add_once(plain_, to_hex(bytes));
        add_once(plain_, ascii_upper(to_hex(bytes)));
        for (auto& core : base64_cores(bytes))
            add_once(base64_, std::move(core));
        add_once(raw_, bytes);
    }
    return true;
}

std::string redaction::clean(std::string_view text, depth d, tally& t)
{
    const auto rest = without_private_keys(text, t.secrets);
    std::string out;
    out.reserve(rest.size());
    for (std::string_view left = rest; !left.empty();) {
        const auto end = left.find('\n');
        out += clean_line(left.substr(0, end), d, t);
        if (end == left.npos)
            break;
        out += '\n';
        left.remove_prefix(end + 1);
    }
    return out;
}

void redaction::find_known(std::string_view line, ranges& found) const
{
    for (const auto& form : plain_)
        for (auto at = line.find(form); at != line.npos; at = line.find(form, at + 1))
            found.push_back({at, at + form.size()});
    for (const auto& core : base64_)
        for (auto at = line.find(core); at != line.npos; at = line.find(core, at + 1)) {
            range whole{at, at + core.size()};
            while (whole.begin > 0 && line[whole.begin - 1] != '=' && is_base64(line[whole.begin - 1]))
                --whole.begin;
            while (whole.end < line.size() && is_base64(line[whole.end]))
                ++whole.end;
            found.push_back(whole);
        }
}

// Any mixture of what is percent-encoded and what is not, also where a blank is '+'.
void redaction::find_encoded(std::string_view line, ranges& found) const
{
    if (line.find_first_of("%+") == line.npos)
        return;
    std::string decoded;
    std::vector<std::size_t> from; // where each byte of it began
    for (std::size_t i = 0; i < line.size();) {
        from.push_back(i);
        const auto high = i + 2 < line.size() && line[i] == '%' ? hex_digit(line[i + 1]) : std::nullopt;
        const auto low = high ? hex_digit(line[i + 2]) : std::nullopt;
        const char c = low ? static_cast<char>(*high * 16 + *low) : line[i];
        decoded += c == '+' ? ' ' : c; // an encoded '+' too: the secrets are compared likewise
        i += low ? 3 : 1;
    }
    from.push_back(line.size());
    for (auto secret : raw_) {
        std::replace(secret.begin(), secret.end(), '+', ' ');
        for (auto at = decoded.find(secret); at != decoded.npos; at = decoded.find(secret, at + 1))
            found.push_back({from[at], from[at + secret.size()]});
    }
}

std::string redaction::clean_line(std::string_view line, depth d, tally& t)
{
    ranges found;
    find_known(line, found);
    find_encoded(line, found);
    const auto take = [&](std::size_t begin, std::size_t end) {
        const auto what = line.substr(begin, end - begin);
        if (what.find_first_not_of("*: ") != what.npos) // else it is hidden already
            found.push_back({begin, end});
    };
    const auto lower = ascii_lower(line);
    find_url_users(line, take);
    find_authorizations(line, lower, take);
    std::sort(found.begin(), found.end(), [](const range& a, const range& b) { return a.begin < b.begin; });

    std::string out;
    std::size_t done = 0;
    for (auto i = found.begin(); i != found.end();) {
        range all = *i;
        for (++i; i != found.end() && i->begin <= all.end; ++i) // they overlap: one text in several forms
            all.end = std::max(all.end, i->end);
        out.append(line.substr(done, all.begin - done)).append(hidden);
        done = all.end;
        ++t.secrets;
    }
    out.append(line.substr(done));
    return d == depth::secrets_and_addresses ? number_addresses(out, t) : out;
}

std::string redaction::number_addresses(std::string_view line, tally& t)
{
    std::string out;
    std::size_t done = 0;
    for (std::size_t i = 0; i < line.size();) {
        const bool encoded = line.substr(i).starts_with("%40");
        if (line[i] != '@' && !encoded) {
            ++i;
            continue;
        }
        auto begin = i;
        while (begin > done && is_local_part(line[begin - 1]))
            --begin;
        const auto after = i + (encoded ? 3 : 1);
        auto end = after;
        while (end < line.size() && is_domain(line[end]))
            ++end;
        while (end > after && line[end - 1] == '.') // of the sentence
            --end;
        i = after;
        if (begin == after - (encoded ? 3 : 1) || end == after)
            continue;
        auto key = ascii_lower(line.substr(begin, after - begin - (encoded ? 3 : 1))) + '@' +
                   ascii_lower(line.substr(after, end - after));
        const auto number = addresses_.try_emplace(std::move(key), addresses_.size() + 1).first->second;
        out.append(line.substr(done, begin - done)).append(fmt::format("<address {}>", number));
        done = i = end;
        ++t.addresses;
    }
    return out.append(line.substr(done));
}

} // namespace relay::support
