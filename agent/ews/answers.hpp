// What comes back from Exchange: pure readers, one an operation, from an opened answer to our values or a
// classified error. They take any well-formed tree without harm. Internal to agent/ews: includes pugixml.
#pragma once

#include "agent/ews/classification.hpp"
#include "agent/ews/requests.hpp"

#include <span>

namespace relay::ews {

struct directory_entry {
    std::string name, email; // both empty where the directory has none, or several that match alike
};

// `entry` is what was asked for. That nothing is found is no error: it proves the sign-in.
outcome<directory_entry> read_resolved(const soap_answer& a, std::string_view entry, const call& c);

// That nobody is found, or several and none of that very address, is an answer; that the account may not ask is an error.
outcome<recipient> read_recipient(const soap_answer& a, const mailbox_address& asked, const call& c);

outcome<void> read_folder_opened(const soap_answer& a, const call& c);

// One answer a mailbox, `mailboxes` of them; periods that overlap the window, whole and unmerged. Where
// Exchange fails every mailbox with a cause of its own (and not theirs), that is the call's error. An entry that ends before it
// starts, or whose time was never set, is left out; `with_left_out` gets the places of the mailboxes that have such.
outcome<std::vector<mailbox_busy>> read_availability(const soap_answer& a, std::size_t mailboxes,
                                                     const availability_window& window, const call& c,
                                                     std::vector<std::size_t>* with_left_out = nullptr);

// A folder that answered with an error which may be its own.
struct folder_refusal_at {
    find_position folder;
    error why;
};
struct found_page {
    std::vector<found_item> items;         // whose event id is exactly the one asked for
    std::vector<find_position> unfinished; // folders with more
    std::vector<find_position> unanswered; // Exchange stopped before them, because of one that it refuses
    std::vector<folder_refusal_at> refused;
    bool answered = false; // at least one that is no witness
};
// Only calendar items count: a meeting request that was sent may carry its meeting's marks. A folder asked by
// its id that is gone holds nothing. An error that is of the whole mailbox is the call's.
outcome<found_page> read_found(const soap_answer& a, std::span<const find_position> asked,
                               std::string_view event_id, const call& c);

struct usual_folders {
    std::string calendar, deleted_items; // ids
};
outcome<usual_folders> read_usual_folders(const soap_answer& a, const call& c);

struct folder_page {
    struct entry {
        std::string id, parent;
    };
    std::vector<entry> folders;
    std::optional<int> next_offset; // nothing: that was the last page
};
outcome<folder_page> read_folders(const soap_answer& a, int offset, const call& c);
// Of `all` those but the usual two; what lies below Deleted Items is deleted.
std::vector<mail_folder> others_of(const std::vector<folder_page::entry>& all, const usual_folders& usual);

outcome<item> read_item(const soap_answer& a, const call& c);
// Of `expected` items, or as many of the first as Exchange got to, each with its own outcome. An error that is not about one
// item is the call's.
outcome<std::vector<outcome<item_state>>> read_states(const soap_answer& a, std::size_t expected,
                                                      const call& c);
outcome<item_ref> read_created(const soap_answer& a, const call& c);
outcome<item_ref> read_updated(const soap_answer& a, const call& c);
outcome<void> read_removed(const soap_answer& a, const call& c);

// The new subscription's id.
outcome<std::string> read_subscribed(const soap_answer& a, const call& c);
// One envelope of a stream. An error that names subscriptions is in it; one that does not is the result.
outcome<stream_message> read_stream_message(const soap_answer& a, const call& c);
// That there is none is no error: it is gone, as was asked.
outcome<void> read_unsubscribed(const soap_answer& a, const call& c);
// The value of the cookie that ties requests to a mailbox server, empty where the headers set none.
std::string affinity_cookie(std::span<const std::pair<std::string, std::string>> headers);

// Shared by the readers.

// The response messages of the operation; error where there are not `expected` of them.
outcome<std::vector<pugi::xml_node>> response_messages(const soap_answer& a, std::size_t expected,
                                                       const call& c);
// The one message of an operation on one thing, where it succeeded.
outcome<pugi::xml_node> only_message(const soap_answer& a, const call& c);
// True for class Success, and for Warning without an error code.
bool succeeded(pugi::xml_node message) noexcept;
// ItemId of an item; empty id where there is none.
item_ref ref_of(pugi::xml_node item);
// UID of an item. What Exchange wraps into a GlobalObjectId ("vCal-Uid", [MS-OXOCAL] 2.2.1.27) comes back as it was given.
std::string uid_of(pugi::xml_node item);
// Somebody made a series of the item.
bool is_series(pugi::xml_node item);
// A Boolean of the schema, nothing where `text` is none.
std::optional<bool> boolean_of(std::string_view text) noexcept;
// The value of our extended property `name` on an item, nothing where the item does not have it.
std::optional<std::string> property_of(pugi::xml_node item, std::string_view name);

} // namespace relay::ews
