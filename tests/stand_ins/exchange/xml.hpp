// Reading requests (pugixml, names without their prefixes) and writing answers (appending to a string).
#pragma once

#include <pugixml.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace relay::exchange_sim {

inline constexpr std::string_view soap_namespace = "http://schemas.xmlsoap.org/soap/envelope/";
inline constexpr std::string_view types_namespace =
    "http://schemas.microsoft.com/exchange/services/2006/types";
inline constexpr std::string_view messages_namespace =
    "http://schemas.microsoft.com/exchange/services/2006/messages";
inline constexpr std::string_view errors_namespace =
    "http://schemas.microsoft.com/exchange/services/2006/errors";

// The element's name without its prefix.
std::string_view local_name(pugi::xml_node node) noexcept;
// The namespace its prefix stands for, empty where it stands for none.
std::string_view namespace_of(pugi::xml_node node) noexcept;

bool is_element(pugi::xml_node node) noexcept;
// The first child element of that local name, or a null node.
pugi::xml_node child(pugi::xml_node parent, std::string_view local) noexcept;
pugi::xml_node first_element(pugi::xml_node parent) noexcept;
pugi::xml_node next_element(pugi::xml_node node) noexcept;
std::size_t count_elements(pugi::xml_node parent) noexcept;

// Text and attribute values live as long as the document.
std::string_view text_of(pugi::xml_node node) noexcept;
std::string_view child_text(pugi::xml_node parent, std::string_view local) noexcept;
std::string_view attribute(pugi::xml_node node, const char* name) noexcept;

// Visits the child elements: for (auto n : elements(node)).
class elements {
public:
    explicit elements(pugi::xml_node parent) : first_(first_element(parent)) {}
    class iterator {
    public:
        explicit iterator(pugi::xml_node n) : node_(n) {}
        pugi::xml_node operator*() const { return node_; }
        iterator& operator++()
        {
            node_ = next_element(node_);
            return *this;
        }
        bool operator!=(const iterator& other) const { return node_ != other.node_; }

    private:
        pugi::xml_node node_;
    };
    iterator begin() const { return iterator(first_); }
    static iterator end() { return iterator(pugi::xml_node()); }

private:
    pugi::xml_node first_;
};

// Appends `text` with the characters that XML reserves escaped.
void escape_to(std::string& out, std::string_view text);
// Appends <t:NAME>text</t:NAME>.
void put(std::string& out, std::string_view name, std::string_view text);
inline void put(std::string& out, std::string_view name, const char* text)
{
    put(out, name, std::string_view(text)); // or it would be taken for a bool
}
void put(std::string& out, std::string_view name, bool value);
void put(std::string& out, std::string_view name, std::int64_t value);
// Appends ` name="text"`.
void put_attribute(std::string& out, std::string_view name, std::string_view text);

// True where a character reference of `xml` names a character that XML 1.0 does not allow.
bool has_illegal_reference(std::string_view xml) noexcept;

// "true", "false", "1", "0".
std::optional<bool> parse_boolean(std::string_view text) noexcept;
std::optional<std::int64_t> parse_integer(std::string_view text) noexcept;

} // namespace relay::exchange_sim
