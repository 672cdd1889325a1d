// The EWS operations. Each reads its request, does its work on the store, and returns a whole SOAP envelope.
#pragma once

#include "tests/stand_ins/exchange/habits.hpp"
#include "tests/stand_ins/exchange/ledger.hpp"
#include "tests/stand_ins/exchange/mailbox_store.hpp"
#include "tests/stand_ins/exchange/product.hpp"
#include "tests/stand_ins/exchange/soap.hpp"
#include "tests/stand_ins/exchange/zones.hpp"

#include <string>
#include <string_view>

namespace relay::exchange_sim {

struct notification_context;

struct operation_context {
    const product& server;
    const zone_table& zones;
    mailbox_store& store;
    exchange_sim::ledger& ledger;
    const soap_request& request;
    mailbox* acting = nullptr; // whose rights count; nullptr: a service account without a mailbox
    utc_time now{};
    // An injected error for one mailbox of GetUserAvailability (lower case, "*" for all), empty where there
    // is none.
    std::string failing_mailbox{}, failing_code{};
    milliseconds unseen{0}; // FindItem leaves out what was created less long ago
    bool unsent = false;    // items are saved, but nobody is told
    exchange_sim::habits habits{};
    notification_context* notify = nullptr; // never null where the request is of a client

    // The zone of TimeZoneContext, else UTC. Throws soap_fault ErrorTimeZone for an unknown one.
    const zone_rule& context_zone() const;
};

// They throw soap_fault.
using operation = std::string (*)(operation_context&);

std::string resolve_names(operation_context& context);
std::string get_server_time_zones(operation_context& context);
std::string convert_id(operation_context& context);
std::string get_folder(operation_context& context);
std::string find_folder(operation_context& context);
std::string find_item(operation_context& context);
std::string get_item(operation_context& context);
std::string sync_folder_items(operation_context& context);
std::string create_item(operation_context& context);
std::string update_item(operation_context& context);
std::string delete_item(operation_context& context);
std::string move_item(operation_context& context);
std::string copy_item(operation_context& context);
std::string get_user_availability(operation_context& context);
std::string subscribe(operation_context& context);
std::string unsubscribe(operation_context& context);
// Empty where the answer is a stream, which then lies in the context.
std::string get_streaming_events(operation_context& context);

// nullptr for an operation we do not have.
operation find_operation(std::string_view name) noexcept;

// What an injected error answers in place of the operation's own answer: as many response messages as the
// request asked for things, each of class Error.
std::string all_failed(const operation_context& context, const refusal& r);

} // namespace relay::exchange_sim
