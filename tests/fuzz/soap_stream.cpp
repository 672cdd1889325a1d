// What Exchange streams: the first byte says how it is cut on its way, the rest are the bytes. However they are cut, the
// same envelopes come out, and each is read without harm.
#include "agent/ews/envelope_cutter.hpp"
#include "tests/fuzz/soap.hpp"

using namespace relay;

namespace {

constexpr std::size_t most_bytes = 4096;

struct cut {
    std::vector<std::string> whole;
    ews::envelope_cutter::trouble trouble = ews::envelope_cutter::trouble::none;
    bool between = true;
};

cut cut_in_pieces(std::string_view text, std::size_t piece)
{
    ews::envelope_cutter cutter(most_bytes);
    cut c;
    for (; !text.empty() && c.trouble == ews::envelope_cutter::trouble::none;
         text.remove_prefix(std::min(piece, text.size())))
        c.trouble = cutter.feed(text.substr(0, piece), c.whole);
    c.between = cutter.between();
    return c;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto input = fuzz::text_of_input(data, size);
    if (input.empty())
        return 0;
    const auto text = input.substr(1);
    const auto at_once = cut_in_pieces(text, text.size() + 1);
    const auto pieces = cut_in_pieces(text, static_cast<unsigned char>(input[0]) % 64 + 1);
    fuzz::require(at_once.whole == pieces.whole && at_once.trouble == pieces.trouble);
    fuzz::require(at_once.trouble != ews::envelope_cutter::trouble::none ||
                  at_once.between == pieces.between);
    std::size_t from = 0;
    for (const auto& envelope : at_once.whole) {
        fuzz::require(envelope.size() <= most_bytes && envelope.starts_with('<') && envelope.ends_with('>'));
        const auto at = text.find(envelope, from); // they come in order, unchanged
        fuzz::require(at != text.npos);
        from = at + envelope.size();
        const ews::call c{ews::operation::get_streaming_events, true, false};
        fuzz::read_answer("0" + envelope, c, [&](const ews::soap_answer& a) {
            const auto message = ews::read_stream_message(a, c);
            if (message.has_error())
                fuzz::check(message.error(), c);
            else
                fuzz::require(message->lost.empty() || message->changed.empty());
        });
    }
    return 0;
}
