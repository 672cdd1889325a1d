// Cuts what Exchange streams into SOAP envelopes: it sends many documents one behind the other as one HTTP body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relay::ews {

inline constexpr std::size_t max_streamed_envelope =
    1024 * 1024; // 200 notifications with hundreds of events each

// Looks at markup only, as far as finding the end of an envelope takes; whether it is well-formed its parser tells. What
// may lie around envelopes: white space, a byte order mark, XML declarations, comments.
class envelope_cutter {
public:
    enum class trouble {
        none,
        not_soap,  // text, a DOCTYPE or an element other than an Envelope where an envelope should begin
        too_large, // more than `most_bytes`
    };

    explicit envelope_cutter(std::size_t most_bytes = max_streamed_envelope) : most_bytes_(most_bytes) {}

    // Takes the next bytes, cut wherever; appends to `whole` each envelope that they complete, without what lay before it.
    // After the first trouble nothing more is taken.
    trouble feed(std::string_view piece, std::vector<std::string>& whole);

    // True where the stream may end here: no envelope has begun.
    bool between() const noexcept { return state_ == state::outside && depth_ == 0; }

private:
    enum class state : std::uint8_t {
        outside,     // between two envelopes
        text,        // within one
        open,        // after '<'
        bang,        // after "<!"
        cdata_begin, // in "<![CDATA["
        comment,
        cdata,
        instruction,
        start_tag,
        quoted, // an attribute's value in a start tag
        end_tag,
    };

    trouble step(char c, std::vector<std::string>& whole);
    trouble step_outside(char c);
    trouble step_open(char c);
    trouble step_bang(char c);
    trouble step_start_tag(char c, std::vector<std::string>& whole);
    void leave_markup() { state_ = depth_ > 0 ? state::text : state::outside; }
    void complete(std::vector<std::string>& whole);
    bool is_envelope() const;

    std::size_t most_bytes_;
    std::string held_; // of the envelope under way, or of the markup before one
    std::size_t depth_ = 0;
    std::size_t seen_ =
        0; // how much of a fixed sequence has come: "--", "]]>", "<![CDATA[", a byte order mark
    state state_ = state::outside;
    trouble trouble_ = trouble::none;
    char quote_ = 0;
    char last_ = 0; // the byte before, within a tag
};

} // namespace relay::ews
