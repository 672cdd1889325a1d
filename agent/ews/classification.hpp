// What a failed call means, in one place: HTTP status, then SOAP fault, then response message. Everything
// else in this module asks here. Pure functions. Internal to agent/ews: includes pugixml.
#pragma once

#include "agent/ews/soap_answer.hpp"
#include "agent/ews/vocabulary.hpp"
#include "agent/http/http.hpp"

#include <memory>

namespace relay::ews {

inline constexpr milliseconds default_back_off{5'000};           // where Exchange throttles and names no time
inline constexpr milliseconds longest_back_off{10 * 60 * 1'000}; // it has been seen to ask for 320 s

// The call that an answer belongs to.
struct call {
    ews::operation operation;
    bool impersonated = false;
    bool answered_before = false; // something at this address has answered as EWS since the start
};

// An error that is not Exchange's: effect unknown for a write.
error failed_call(const call& c, protocol::fault_code code, retry_action r, std::string sentence);

// No answer at all.
error classify(const http::failed& f, const call& c);
// A SOAP fault.
error classify_fault(pugi::xml_node fault, const call& c);
// A response message of class Error, or whatever else holds ResponseCode and MessageXml.
error classify_message(pugi::xml_node message, const call& c);

// What came back on the wire, taken apart as far as the three levels of failure go.
struct opened_answer {
    outcome<std::unique_ptr<soap_answer>> answer; // never a fault, never unreadable, with an operation
    bool is_ews = false;                          // a SOAP envelope, be it a fault
    std::optional<server_version> version;        // from the envelope, or else from X-OWA-Version
};

opened_answer open_answer(http::outcome got, const call& c);

// True where `code` is a ResponseCode that says that the caller is signed in, but has no mailbox or directory
// entry.
bool proves_sign_in(std::string_view code) noexcept;

// The fault for a server that this agent does not serve.
error unsupported_server(support s, const std::string& product);

} // namespace relay::ews
