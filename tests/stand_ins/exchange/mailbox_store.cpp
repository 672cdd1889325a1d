#include "tests/stand_ins/exchange/mailbox_store.hpp"

#include "common/text/text.hpp"

#include <algorithm>

namespace relay::exchange_sim {
namespace {

void put_number(std::string& out, std::uint64_t number, int bytes)
{
    for (int i = bytes - 1; i >= 0; --i)
        out += static_cast<char>(number >> (8 * i) & 0xff);
}

// Spreads the serial over the id, so that ids look (and compare) like Exchange's rather than like a counter.
std::uint64_t scattered(std::uint64_t n)
{
    n += 0x9e3779b97f4a7c15u;
    n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9u;
    n = (n ^ (n >> 27)) * 0x94d049bb133111ebu;
    return n ^ (n >> 31);
}

std::string index_key(property_key key, std::string_view value)
{
    const auto address = reinterpret_cast<std::uintptr_t>(key);
    std::string text(reinterpret_cast<const char*>(&address), sizeof address);
    return text += ascii_lower(value);
}

void forget(std::unordered_map<std::string, std::vector<calendar_item*>>& index, const std::string& key,
            const calendar_item* item)
{
    const auto found = index.find(key);
    if (found == index.end())
        return;
    std::erase(found->second, item);
    if (found->second.empty())
        index.erase(found);
}

// A GlobalObjectId in hexadecimal, as Outlook and Exchange use for a UID.
std::string make_uid(std::uint64_t serial)
{
    std::string blob("\x04\x00\x00\x00\x82\x00\xe0\x00\x74\xc5\xb7\x10\x1a\x82\xe0\x08", 16);
    blob.append(20, '\0');
    blob += std::string_view("\x10\x00\x00\x00", 4);
    put_number(blob, scattered(serial), 8);
    put_number(blob, scattered(~serial), 8);
    auto hex = to_hex(blob);
    for (char& c : hex)
        c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
    return hex;
}

} // namespace

mailbox& mailbox_store::put_mailbox(std::string_view email, std::string_view display_name)
{
    const auto key = ascii_lower(email);
    if (const auto known = by_email_.find(key); known != by_email_.end())
        return *known->second;
    auto& box = mailboxes_.emplace_back();
    box.number = static_cast<std::uint32_t>(mailboxes_.size());
    box.email = email;
    box.key = key;
    box.display_name = display_name;
    by_email_.emplace(key, &box);
    return box;
}

bool mailbox_store::add_alias(mailbox& box, std::string_view email)
{
    return by_email_.emplace(ascii_lower(email), &box).first->second == &box;
}

mailbox* mailbox_store::find_mailbox(std::string_view email) noexcept
{
    const auto found = by_email_.find(ascii_lower(email));
    return found == by_email_.end() ? nullptr : found->second;
}

mailbox* mailbox_store::mailbox_by_number(std::uint32_t number) noexcept
{
    return number == 0 || number > mailboxes_.size() ? nullptr : &mailboxes_[number - 1];
}

property_key mailbox_store::intern(std::string_view name)
{
    return &*property_names_.emplace(name).first;
}

std::string mailbox_store::next_item_id(const mailbox& owner)
{
    std::string blob("\x00\x00\x00\x48\x00", 5); // gives the "AAAA..." beginning of the real ones
    put_number(blob, owner.number, 4);
    put_number(blob, scattered(++serial_), 8);
    put_number(blob, scattered(serial_ << 20), 8);
    put_number(blob, serial_, 8);
    blob.append(15, '\0');
    return to_base64(blob);
}

std::string mailbox_store::next_change_key()
{
    std::string blob("\x0f\x00\x00\x00\x16\x00\x00\x00", 8); // "DwAAABYAAAA..."
    put_number(blob, scattered(1), 8);
    put_number(blob, ++change_, 8);
    return to_base64(blob);
}

calendar_item& mailbox_store::insert(mailbox& owner, folder_kind folder, calendar_item item, utc_time now)
{
    auto stored = std::make_unique<calendar_item>(std::move(item));
    stored->id = next_item_id(owner);
    stored->serial = serial_;
    stored->change_key = next_change_key();
    stored->owner = &owner;
    stored->folder = folder;
    stored->created = stored->modified = now;
    if (stored->uid.empty())
        stored->uid = make_uid(serial_);
    auto& kept = *stored;
    items_.emplace(kept.id, std::move(stored));
    index(kept);
    tell({item_change::kind::created, kept});
    return kept;
}

calendar_item* mailbox_store::find(std::string_view id) noexcept
{
    const auto found = items_.find(id);
    return found == items_.end() ? nullptr : found->second.get();
}

void mailbox_store::replace(calendar_item& item, calendar_item changed, utc_time now)
{
    unindex(item);
    changed.id =
        std::move(item.id); // the map's key views these bytes: a long string keeps its buffer when moved
    changed.serial = item.serial;
    changed.owner = item.owner;
    changed.folder = item.folder;
    changed.created = item.created;
    changed.modified = now;
    changed.change_key = next_change_key();
    item = std::move(changed);
    index(item);
    tell({item_change::kind::modified, item});
}

void mailbox_store::bump(calendar_item& item)
{
    item.change_key = next_change_key();
    tell({item_change::kind::touched, item});
}

void mailbox_store::move(calendar_item& item, folder_kind folder, utc_time now)
{
    unindex(item);
    const auto old_folder = item.folder;
    auto old_id = item.id;
    auto node = items_.extract(item.id);
    item.id = next_item_id(*item.owner);
    item.serial = serial_;
    item.change_key = next_change_key();
    item.folder = folder;
    item.modified = now;
    node.key() = item.id;
    items_.insert(std::move(node));
    index(item);
    tell({item_change::kind::moved, item, std::move(old_id), old_folder});
}

calendar_item& mailbox_store::copy(const calendar_item& item, folder_kind folder, utc_time now)
{
    auto second = item;
    second.uid.clear();
    return insert(*item.owner, folder, std::move(second), now);
}

void mailbox_store::erase(calendar_item& item)
{
    tell({item_change::kind::deleted, item});
    unindex(item);
    items_.erase(items_.find(item.id));
}

void mailbox_store::index(calendar_item& item)
{
    auto& contents = item.owner->contents(item.folder);
    contents.by_arrival.emplace(item.serial, &item);
    if (item.repeats) {
        contents.series.emplace(item.serial, &item);
    } else {
        contents.by_start.emplace(item.start, &item);
        contents.longest = std::max<duration>(contents.longest, item.end - item.start);
    }
    for (const auto& property : item.properties)
        if (property.values.size() == 1)
            item.owner->by_property[index_key(property.key, property.values.front())].push_back(&item);
}

void mailbox_store::unindex(calendar_item& item)
{
    auto& contents = item.owner->contents(item.folder);
    contents.by_arrival.erase(item.serial);
    contents.series.erase(item.serial);
    for (auto [at, last] = contents.by_start.equal_range(item.start); at != last; ++at)
        if (at->second == &item) {
            contents.by_start.erase(at);
            break;
        }
    for (const auto& property : item.properties)
        if (property.values.size() == 1)
            forget(item.owner->by_property, index_key(property.key, property.values.front()), &item);
}

const std::vector<calendar_item*>& mailbox_store::with_property(const mailbox& owner, property_key key,
                                                                std::string_view value) const
{
    static const std::vector<calendar_item*> none;
    const auto found = owner.by_property.find(index_key(key, value));
    return found == owner.by_property.end() ? none : found->second;
}

std::vector<calendar_item*> mailbox_store::overlapping(const mailbox& owner, folder_kind folder,
                                                       utc_time start, utc_time end) const
{
    const auto& contents = owner.contents(folder);
    const auto earliest = start - std::chrono::duration_cast<milliseconds>(contents.longest);
    std::vector<calendar_item*> found;
    for (auto at = contents.by_start.lower_bound(earliest); at != contents.by_start.end() && at->first < end;
         ++at)
        if (at->second->end > start || (at->second->start == at->second->end && at->second->start >= start))
            found.push_back(at->second);
    return found;
}

} // namespace relay::exchange_sim
