#include "tests/stand_ins/exchange/bad_answers.hpp"

#include "tests/stand_ins/exchange/soap.hpp"

#include <zlib.h>

#include <stdexcept>

namespace relay::exchange_sim {
namespace {

constexpr std::string_view sign_in_page =
    "<!DOCTYPE html>\r\n<html><head><title>Outlook</title></head><body><form action=\"/owa/auth.owa\" "
    "method=\"POST\">"
    "<input name=\"username\"><input name=\"password\" type=\"password\"></form></body></html>\r\n";

reply page(unsigned status, std::string body)
{
    reply r;
    r.status = status;
    r.content_type = "text/html; charset=utf-8";
    r.body = std::move(body);
    return r;
}

reply fault_reply(const refusal& what)
{
    reply r;
    r.status = 500;
    r.body = fault_envelope(what);
    return r;
}

reply busy(std::int64_t back_off_ms)
{
    refusal r{"ErrorServerBusy", "The server cannot service this request right now. Try again later.", {}};
    if (back_off_ms > 0)
        r.values.emplace_back("BackOffMilliseconds", std::to_string(back_off_ms));
    return fault_reply(r);
}

// Bytes that are neither XML nor UTF-8, the same every time.
std::string garbage()
{
    std::string bytes;
    std::uint32_t state = 2463534242u;
    for (int i = 0; i < 4096; ++i) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes += static_cast<char>(state >> 24);
    }
    return bytes;
}

// Each entity is ten of the one before it: 10^10 characters for a parser that expands them.
std::string bomb()
{
    std::string xml = "<?xml version=\"1.0\"?>\n<!DOCTYPE b [\n<!ENTITY e0 \"boom\">\n";
    for (int i = 1; i <= 10; ++i) {
        xml.append("<!ENTITY e").append(std::to_string(i)).append(" \"");
        for (int n = 0; n < 10; ++n)
            xml.append("&e").append(std::to_string(i - 1)).append(";");
        xml.append("\">\n");
    }
    xml.append("]>\n<s:Envelope xmlns:s=\"")
        .append(soap_namespace)
        .append("\"><s:Body><b>&e10;</b></s:Body></s:Envelope>");
    return xml;
}

std::string deep(std::uint64_t levels)
{
    std::string xml = "<s:Envelope xmlns:s=\"";
    xml.append(soap_namespace).append("\"><s:Body>");
    xml.reserve(xml.size() + levels * 7 + 64);
    for (std::uint64_t i = 0; i < levels; ++i)
        xml.append("<d>");
    for (std::uint64_t i = 0; i < levels; ++i)
        xml.append("</d>");
    return xml.append("</s:Body></s:Envelope>");
}

// As many nodes as fit: an element and a text in five bytes.
std::string nodes(std::uint64_t bytes)
{
    std::string xml = "<s:Envelope xmlns:s=\"";
    xml.append(soap_namespace).append("\"><s:Body>");
    xml.reserve(bytes + 64);
    while (xml.size() < bytes)
        xml.append("<a/>x");
    return xml.append("</s:Body></s:Envelope>");
}

// `bytes` of an envelope that never ends, packed a thousand to one.
std::string gzip_bomb(std::uint64_t bytes)
{
    constexpr int gzip_wrapper = 16;
    z_stream z{};
    if (deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + gzip_wrapper, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::runtime_error("zlib");
    std::string piece(1u << 16, ' '), packed, out(1u << 16, '\0');
    for (std::uint64_t given = 0; given < bytes; given += piece.size()) {
        z.next_in = reinterpret_cast<Bytef*>(piece.data());
        z.avail_in = static_cast<uInt>(piece.size());
        const bool last = given + piece.size() >= bytes;
        do {
            z.next_out = reinterpret_cast<Bytef*>(out.data());
            z.avail_out = static_cast<uInt>(out.size());
            deflate(&z, last ? Z_FINISH : Z_NO_FLUSH);
            packed.append(out, 0, out.size() - z.avail_out);
        } while (z.avail_out == 0);
    }
    deflateEnd(&z);
    return packed;
}

// From UTF-8, with every character beyond U+00FF as a question mark.
std::string to_latin1(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c < 0x80) {
            out += text[i];
        } else if ((c == 0xc2 || c == 0xc3) && i + 1 < text.size()) {
            out += static_cast<char>((c & 3u) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3fu));
        } else if (c >= 0xc0) {
            out += '?';
        }
    }
    return out;
}

// Little-endian; from ISO 8859-1.
std::string to_utf16(std::string_view latin1)
{
    std::string out;
    for (const char c : latin1)
        out.append({c, '\0'});
    return out;
}

// What a proxy makes of an answer that it takes apart and writes anew in another encoding.
reply recoded(const fault& f, reply good)
{
    constexpr std::string_view utf8 = "utf-8";
    const bool wide = f.charset == "utf-16";
    const std::string_view name = wide ? "utf-16" : "iso-8859-1";
    auto& text = good.body;
    if (const auto at = text.find("?>"); at != text.npos)
        text.insert(at + 2, "<!-- caf\xc3\xa9 -->"); // something that differs
    if (const auto at = text.find(utf8); at != text.npos && f.declared)
        text.replace(at, utf8.size(), name);
    text = to_latin1(text);
    if (wide)
        text = (f.declared ? "\xff\xfe" : "") + to_utf16(text);
    good.content_type = f.declared ? "text/xml; charset=" + std::string(name) : "text/xml";
    return good;
}

reply twice(const fault& f, reply good)
{
    auto first = page(f.status, f.body);
    first.headers = f.headers;
    if (!f.echo)
        first.echo = good.echo = "";
    first.then = std::make_shared<reply>(std::move(good));
    first.then_after = f.ms;
    return first;
}

} // namespace

reply soap_fault_of(const fault& f)
{
    reply r;
    r.status = f.form.status;
    r.body = fault_envelope({f.code, "The stand-in was told to fail.", {}}, f.form);
    return r;
}

void remove_elements(const fault& f, reply& good)
{
    auto& text = good.body;
    const auto open = "<" + f.element, close = "</" + f.element + ">";
    std::uint64_t seen = 0;
    for (auto at = text.find(open); at != text.npos; at = text.find(open, at)) {
        const auto after_name = at + open.size();
        const auto tag_end = text.find('>', after_name);
        const bool longer_name =
            after_name < text.size() && text.find_first_of(" />", after_name) != after_name;
        if (tag_end == text.npos || longer_name || seen++ < f.keep) {
            at = after_name;
            continue;
        }
        const auto end = text[tag_end - 1] == '/' ? tag_end + 1 : text.find(close, tag_end) + close.size();
        text.erase(at, end - at);
    }
}

reply bad_answer(const fault& f, const product& server, reply good)
{
    reply r;
    switch (f.action) {
    case fault_action::hang:
        r.ending = ending::hang;
        break;
    case fault_action::status:
        r = page(f.status, f.body);
        r.headers = f.headers;
        break;
    case fault_action::html:
        return page(200, std::string(sign_in_page));
    case fault_action::redirect:
        r = page(302, {});
        r.headers.emplace_back("Location", f.location);
        break;
    case fault_action::soap_fault:
        return soap_fault_of(f);
    case fault_action::busy:
        return busy(f.back_off_ms);
    case fault_action::truncate:
        good.ending = ending::truncate;
        return good;
    case fault_action::cut_chunks:
        good.ending = ending::cut_chunks;
        return good;
    case fault_action::recoded:
        return recoded(f, std::move(good));
    case fault_action::twice:
        return twice(f, std::move(good));
    case fault_action::gzip_garbage:
        r.headers.emplace_back("Content-Encoding", "gzip");
        r.body = garbage();
        break;
    case fault_action::garbage:
        r.body = garbage();
        break;
    case fault_action::huge:
        r.body = envelope(server, {});
        r.tail = "</s:Body></s:Envelope>";
        r.body.resize(r.body.size() - r.tail.size());
        r.filler = f.bytes > r.body.size() + r.tail.size() ? f.bytes - r.body.size() - r.tail.size() : 0;
        break;
    case fault_action::bomb:
        r.body = bomb();
        break;
    case fault_action::deep:
        r.body = deep(f.levels);
        break;
    case fault_action::nodes:
        r.body = nodes(f.bytes);
        break;
    case fault_action::gzip_bomb:
        r.headers.emplace_back("Content-Encoding", "gzip");
        r.body = gzip_bomb(f.bytes);
        break;
    case fault_action::empty:
        r.body = envelope(server, {});
        break;
    default:
        r.ending = ending::reset;
        break;
    }
    return r;
}

} // namespace relay::exchange_sim
