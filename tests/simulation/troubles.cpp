#include "tests/simulation/troubles.hpp"

#include "agent/ews/answers.hpp"

#include <fmt/format.h>

namespace relay::simulation {
namespace {

ews::error meaning_of_answer(http::response r, const ews::call& c)
{
    auto opened = ews::open_answer(std::move(r), c);
    return opened.answer.has_error() ? opened.answer.error()
                                     : ews::response_messages(**opened.answer, 1, c).error();
}

http::response answer(int status, std::string type, std::string body)
{
    http::response r;
    r.status = status;
    r.content_type = std::move(type);
    r.body = std::move(body);
    return r;
}

} // namespace

std::string_view name(trouble t) noexcept
{
    constexpr std::string_view names[] = {
        "none",        "unreachable", "lost",        "done",    "late",        "refused",     "failed",
        "failed_done", "busy",        "busy_server", "auth",    "slow",        "slow_answer", "saved_refused",
        "saved_lost",  "clash",       "fewer_parts", "garbled", "misdirected", "web_page"};
    return names[static_cast<std::size_t>(t)];
}

ews::error meaning_of_code(std::string_view code, ews::operation op)
{
    pugi::xml_document document;
    auto message = document.append_child("m:ResponseMessage");
    message.append_attribute("ResponseClass") = "Error";
    message.append_child("m:ResponseCode").text() = std::string(code).c_str();
    return ews::classify_message(message, {op, true, true});
}

ews::error meaning_of(trouble t, ews::operation op, bool answered_before)
{
    const ews::call c{op, true, answered_before};
    switch (t) {
    case trouble::fewer_parts:
        return meaning_of_answer(
            answer(200, "text/xml",
                   fmt::format(R"(<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>)"
                               "<{0}Response><ResponseMessages/></{0}Response></s:Body></s:Envelope>",
                               ews::name(op))),
            c);
    case trouble::garbled:
        return meaning_of_answer(answer(200, "text/xml", "<s:Envelope><s:Bo"), c);
    case trouble::misdirected:
        return meaning_of_answer(answer(421, "text/plain", "Misdirected Request"), c);
    default:
        return meaning_of_answer(answer(200, "text/html", "<html><body>We are sorry</body></html>"), c);
    }
}

} // namespace relay::simulation
