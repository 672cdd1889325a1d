// How the stand-in says no. Refusals unwind, unlike in the agent: an operation refuses from deep inside its
// parsing, and there is exactly one place that answers each kind.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace relay::exchange_sim {

struct refusal {
    std::string code; // an EWS ResponseCode
    std::string text;
    std::vector<std::pair<std::string, std::string>> values; // MessageXml: name and value
};

// Ends the request: answered as a SOAP fault with HTTP status 500.
struct soap_fault : refusal {};

// Ends the work on one item, folder or mailbox of a request: answered as a response message of class Error.
struct item_error : refusal {};

[[noreturn]] inline void refuse_request(std::string code, std::string text)
{
    throw soap_fault{{std::move(code), std::move(text), {}}};
}

[[noreturn]] inline void refuse_item(std::string code, std::string text)
{
    throw item_error{{std::move(code), std::move(text), {}}};
}

[[noreturn]] inline void refuse_schema(std::string text)
{
    refuse_request("ErrorSchemaValidation", "The request failed schema validation: " + std::move(text));
}

} // namespace relay::exchange_sim
