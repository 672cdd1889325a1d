// One answer of Exchange as a tree that can be trusted to be small, shallow and UTF-8. Internal to agent/ews:
// includes pugixml. Elements are matched by local name with any prefix: real servers differ from the schema
// in both.
#pragma once

#include "agent/ews/server_version.hpp"

#include <pugixml.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace relay::ews {

inline constexpr int max_answer_depth = 64; // a calendar item is 12 deep
// Elements, attributes and texts, some 64 bytes each. A free/busy answer of 3 MiB has 170,000.
inline constexpr std::size_t max_answer_nodes = 250'000;

// Why an answer was not taken as XML.
enum class unreadable {
    none,
    empty,
    not_xml, // not well-formed; a truncated answer too
    not_utf8,
    doctype, // never part of SOAP (SOAP 1.1, section 3)
    too_deep,
    too_many_nodes,
    not_soap, // XML, but no envelope with a body
};

class soap_answer {
public:
    // Takes the text over; the nodes below point into it and live as long as this.
    explicit soap_answer(std::string text);
    soap_answer(const soap_answer&) = delete;
    soap_answer& operator=(const soap_answer&) = delete;

    unreadable problem() const noexcept { return problem_; }
    // The body's first child, null where the body is empty or the answer unreadable. A fault is one.
    pugi::xml_node operation() const noexcept { return operation_; }
    bool is_fault() const noexcept;
    // ServerVersionInfo of the header: faults usually have none.
    const std::optional<server_version>& version() const noexcept { return version_; }

private:
    void read();

    std::string text_;
    pugi::xml_document document_;
    pugi::xml_node operation_;
    std::optional<server_version> version_;
    unreadable problem_ = unreadable::none;
};

// Removes what XML 1.0 forbids but Exchange sends all the same: raw controls, and references to them
// ("&#x1;").
void remove_illegal_characters(std::string& text);

// The checks that keep the parser's memory and the stack of whoever walks its tree in bounds; linear.
unreadable check_shape(std::string_view text) noexcept;

std::string_view local_name(pugi::xml_node node) noexcept;
// The first child of that local name, null where there is none (or `parent` is null).
pugi::xml_node child(pugi::xml_node parent, std::string_view name) noexcept;
// All of the element's text, as it is: for what people wrote.
std::string text_of(pugi::xml_node element);
// Its first run of text without the white space around it: for words, numbers and times.
std::string_view trimmed(pugi::xml_node element) noexcept;

} // namespace relay::ews
