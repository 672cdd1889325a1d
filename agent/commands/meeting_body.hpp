// A meeting's body with the link to its online meeting, and without it again: as it was given, byte for byte, while
// nobody has changed it in Outlook. Pure functions.
#pragma once

#include "agent/ews/exchange.hpp"

namespace relay::commands {

// `body` with the link block for `url`: the block alone, as HTML, where there is no body.
protocol::event_body with_link(const std::optional<protocol::event_body>& body, const std::string& url);
// `body` without the link block and, for HTML, without the document that Exchange puts around a fragment; nothing if only
// the block was there. Outlook and Word rewrite the block: if the `url` is known it is found by what it says as well. A
// guess by the looks of it: what was given may itself look like what Exchange or we add.
std::optional<protocol::event_body> without_link(protocol::event_body body,
                                                 const std::optional<std::string>& url = std::nullopt);

// What the item notes of a body that was given: its format and a digest, by which given_body() knows it again.
std::string note_of(const std::optional<protocol::event_body>& body);
// The body that the item was given: the one that fits the note, or what without_link() makes of one that was changed
// since, or comes from an agent that took no notes.
std::optional<protocol::event_body> given_body(const ews::item& i);

} // namespace relay::commands
