// SOAP 1.1 envelopes as Exchange reads and writes them.
#pragma once

#include "tests/stand_ins/exchange/faults.hpp"
#include "tests/stand_ins/exchange/product.hpp"
#include "tests/stand_ins/exchange/refusal.hpp"
#include "tests/stand_ins/exchange/xml.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace relay::exchange_sim {

// A request that was read. Does not move: the document's texts lie in `text`.
struct soap_request {
    soap_request() = default;
    soap_request(const soap_request&) = delete;
    soap_request& operator=(const soap_request&) = delete;

    std::string text;
    pugi::xml_document document;
    pugi::xml_node operation;
    std::string name;         // "CreateItem", "GetUserAvailability"
    std::string impersonated; // the address of ExchangeImpersonation, empty where there is none
    std::string context_zone; // TimeZoneContext's id, empty where there is none
};

// Reads `request.text`, as far as naming the operation: enough for stats and faults. Throws soap_fault.
void open_request(soap_request& request);
// Reads the headers and checks the body against the schema. Throws soap_fault.
void check_request(soap_request& request, const product& p);

// The mailbox that a request acts for, in lower case; empty: none. Throttling charges it to that one.
std::string budget_of(const soap_request& request);
// The mailboxes a request is about: the impersonated one, and those whose free/busy time is asked.
std::vector<std::string> mailboxes_of(const soap_request& request);

// A whole envelope with a fault.
std::string fault_envelope(const refusal& r, const fault_form& form = {});
// A whole envelope around `body`, with the header that names the server's version.
std::string envelope(const product& p, std::string_view body);

// Collects the response messages of one operation's answer.
class answer_writer {
public:
    // `on_error` is written into response messages of class Error: "<m:Items/>" where Exchange does so.
    answer_writer(const product& p, std::string_view operation, std::string_view on_error = {});

    // Writes one response message. `fill` appends to the given string what follows the ResponseCode; the
    // item_error it throws makes the message one of class Error.
    template <class Fill>
    void message(Fill fill)
    {
        const auto mark = out_.size();
        try {
            begin("Success", "NoError", {});
            fill(out_);
            end();
        } catch (const item_error& e) {
            out_.resize(mark);
            error(e);
        }
    }
    void error(const refusal& r);
    template <class Fill>
    void warning(std::string_view code, std::string_view text, Fill fill)
    {
        begin("Warning", code, text);
        fill(out_);
        end();
    }
    std::string finish() &&;

private:
    void begin(std::string_view response_class, std::string_view code, std::string_view text);
    void end();

    std::string_view operation_, on_error_;
    std::string out_;
};

void put_message_xml(std::string& out, const refusal& r, std::string_view prefix);

} // namespace relay::exchange_sim
