// What can happen to one request to Exchange, and what the agent's own reader makes of the answer: a failure that
// Exchange words is classified here as it would be on the wire.
#pragma once

#include "agent/ews/exchange.hpp"
#include "agent/ews/vocabulary.hpp"

#include <array>
#include <string_view>

namespace relay::simulation {

enum class trouble {
    none,
    unreachable,   // no connection: nothing happened
    lost,          // the connection died before the request was carried out, which nobody can know
    done,          // … after it was carried out
    late,          // … and it is carried out that much later
    refused,       // for good, nothing happened
    failed,        // an answer that says failure for good and proves nothing; nothing happened
    failed_done,   // the same, and it was carried out
    busy,          // throttled: this mailbox
    busy_server,   // throttled: the service account
    auth,          // the service account is refused
    slow,          // the answer takes that long; carried out at its end
    slow_answer,   // the same, carried out at once
    saved_refused, // a create or an update is saved, its sending is refused with `code`
    saved_lost,    // … is saved, and the connection died before it was sent
    clash,         // an irresolvable conflict, nothing happened
    fewer_parts,   // an answer with fewer parts than were asked; a write was carried out
    garbled,       // an answer that cannot be read; a write was carried out
    misdirected,   // HTTP 421, nothing happened
    web_page,      // somebody's "we are sorry" with HTTP 200, nothing happened
};

std::string_view name(trouble t) noexcept;

struct mishap {
    trouble what = trouble::none;
    milliseconds length{0};
    std::string_view code = {}; // saved_refused
};

// What Exchange may answer about the recipients or the size of an item that it has saved already.
inline constexpr std::array<std::string_view, 5> codes_after_saving{
    "ErrorInvalidRecipients", "ErrorExceededMaxRecipientLimit", "ErrorMessageSizeExceeded",
    "ErrorInvalidSmtpAddress", "ErrorQuotaExceeded"};

// How the agent reads a response message with this code.
ews::error meaning_of_code(std::string_view code, ews::operation op);
// How it reads the answers of trouble::fewer_parts and the three after it. `answered_before`: Exchange has answered this
// process.
ews::error meaning_of(trouble t, ews::operation op, bool answered_before);

} // namespace relay::simulation
