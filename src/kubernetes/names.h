// What Kubernetes takes as a name, a label or a selector, told before a server is asked. Each says
// why a text can't be one, as the end of a sentence that begins with the text; empty: it can. Pure
// functions; any thread.
#pragma once

#include <string>
#include <string_view>

namespace galileo::kubernetes {

inline constexpr std::size_t kLabelMax = 63;  // of a DNS label, a label's name and its value
inline constexpr std::size_t kNameMax = 253;  // of an object's name

// A DNS label (RFC 1123): names of namespaces, containers, services.
std::string unfit_dns_label(std::string_view text);
// Labels joined by dots: names of pods, nodes and most objects.
std::string unfit_object_name(std::string_view text);
// "name" or "prefix.example.com/name".
std::string unfit_label_key(std::string_view text);
std::string unfit_label_value(std::string_view text);
// "a=b,c!=d,e in (f, g),h notin (i),j,!k,l>5"; empty selects all.
std::string unfit_label_selector(std::string_view text);

}  // namespace galileo::kubernetes
