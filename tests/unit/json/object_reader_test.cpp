// Goal: one reading of an object finds every error, and each says what, where and what to do.
#include "json/object_reader.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tokenscaler::json {
namespace {

using ::testing::ElementsAre;

enum class Fruit { Apple, Pear };
std::string_view to_string(Fruit fruit) {
  return fruit == Fruit::Apple ? "Apple" : "Pear";
}
const std::vector<Fruit> kFruits{Fruit::Apple, Fruit::Pear};

struct Reading {
  std::vector<model::FieldError> errors;

  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    for (const auto& error : errors) {
      lines.push_back(error.path + ": " + error.message + " (" + error.advice + ")");
    }
    return lines;
  }
};

TEST(ObjectReader, ReadsWhatIsThere) {
  const Value value = Object{{"flag", true},
                             {"count", 5},
                             {"rate", 0.5},
                             {"name", "x"},
                             {"price", "1500m"},
                             {"gpus", 4},
                             {"fruit", "Pear"},
                             {"labels", Object{{"a/b", "c"}}},
                             {"inner", Object{{"count", 1}}},
                             {"items", Array{Object{{"count", 2}}}},
                             {"gone", nullptr}};
  Reading reading;
  ObjectReader reader(value, "spec", reading.errors);
  EXPECT_EQ(reader.boolean("flag"), true);
  EXPECT_EQ(reader.integer("count", Presence::Required, kInt32Range), 5);
  EXPECT_EQ(reader.number("rate"), 0.5);
  EXPECT_EQ(reader.string("name"), "x");
  EXPECT_EQ(reader.decimal("price")->to_string(), "1.5");
  EXPECT_EQ(reader.quantity("gpus")->to_string(), "4");
  EXPECT_EQ(reader.choice("fruit", kFruits), Fruit::Pear);
  EXPECT_EQ(reader.string_map("labels", 1)->at("a/b"), "c");
  EXPECT_EQ(reader.object("inner")->integer("count"), 1);
  EXPECT_EQ(reader.objects("items", 1)->at(0).integer("count"), 2);
  EXPECT_EQ(reader.string("gone"), std::nullopt);
  EXPECT_EQ(reader.string("absent"), std::nullopt);
  reader.finish();
  EXPECT_THAT(reading.lines(), ElementsAre());
}

TEST(ObjectReader, CollectsEveryErrorWithItsPath) {
  const Value value = Object{{"windowSeconds", "60"},
                             {"count", 5.5},
                             {"huge", 3000000000},
                             {"flag", "true"},
                             {"on", 1},
                             {"name", 5},
                             {"name2", false},
                             {"price", 1.3},
                             {"price2", "3 EUR"},
                             {"price3", true},
                             {"fruit", "pear"},
                             {"fruit2", 7},
                             {"labels", Object{{"a/b", 1}}},
                             {"inner", "x"},
                             {"items", Array{Object{{"kind", 1}}, 2}},
                             {"list", Object{}},
                             {"many", Array{1, 2, 3}},
                             {"winowSeconds", 1},
                             {"banana", 1}};
  Reading reading;
  ObjectReader reader(value, "spec", reading.errors);
  static_cast<void>(reader.integer("windowSeconds"));
  static_cast<void>(reader.integer("count"));
  static_cast<void>(reader.integer("huge", Presence::Optional, kInt32Range));
  static_cast<void>(reader.boolean("flag"));
  static_cast<void>(reader.boolean("on"));
  static_cast<void>(reader.string("name"));
  static_cast<void>(reader.string("name2"));
  static_cast<void>(reader.quantity("price"));
  static_cast<void>(reader.quantity("price2"));
  static_cast<void>(reader.quantity("price3"));
  static_cast<void>(reader.choice("fruit", kFruits));
  static_cast<void>(reader.choice("fruit2", kFruits));
  static_cast<void>(reader.string_map("labels", 1));
  const auto inner = reader.object("inner");
  ASSERT_TRUE(inner.has_value());
  EXPECT_EQ(ObjectReader(*inner).string("name", Presence::Required), std::nullopt);
  const auto items = reader.objects("items", 2);
  ASSERT_EQ(items->size(), 2U);
  static_cast<void>(ObjectReader(items->at(0)).string("kind"));
  static_cast<void>(reader.objects("list", 2));
  static_cast<void>(reader.objects("many", 2));
  static_cast<void>(reader.string("mode", Presence::Required));
  reader.finish();
  const std::string suffixes =
      "write a number with an optional suffix: n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei "
      "or an exponent as in 1e3";
  EXPECT_THAT(
      reading.lines(),
      ElementsAre(
          "spec.windowSeconds: must be an integer, is a string \"60\" (write 60 without quotes)",
          "spec.count: must be an integer, is a number 5.5 (write a whole number without unit and "
          "without quotes, for example 60)",
          "spec.huge: must be from -2147483648 to 2147483647, is 3000000000 (write a number within "
          "that range)",
          "spec.flag: must be a boolean, is a string \"true\" (write true without quotes)",
          "spec.on: must be a boolean, is an integer 1 (write true or false)",
          "spec.name: must be a string, is an integer 5 (put it in quotes: \"5\")",
          "spec.name2: must be a string, is a boolean false (YAML takes it for a boolean: put it "
          "in quotes)",
          "spec.price: must be a quantity in quotes, is a number 1.3 (put it in quotes: \"1.3\")",
          "spec.price2: must be a quantity, is a string \"3 EUR\" (" + suffixes + ")",
          "spec.price3: must be a quantity in quotes, is a boolean true (write for example \"1.5\" "
          "or \"500m\")",
          "spec.fruit: must be one of Apple, Pear, is a string \"pear\" (did you mean Pear?)",
          "spec.fruit2: must be one of Apple, Pear, is an integer 7 (write one of these words)",
          "spec.labels[\"a/b\"]: must be a string, is an integer 1 (put it in quotes: \"1\")",
          "spec.inner: must be an object, is a string \"x\" (write its fields as `name: value`)",
          "spec.items[1]: must be an object, is an integer 2 (write its fields as `name: value`)",
          "spec.items[0].kind: must be a string, is an integer 1 (put it in quotes: \"1\")",
          "spec.list: must be a list, is an object (write its items as `- name: value`)",
          "spec.many: has 3 items, at most 2 are allowed (remove some)",
          "spec.mode: is required (add the field)",
          "spec.banana: unknown field (known fields here: windowSeconds, count, huge, flag, on, "
          "name, name2, price, "
          "price2, price3, fruit, fruit2, labels, inner, items, list, many, mode)",
          "spec.winowSeconds: unknown field (did you mean windowSeconds?)"));
}

TEST(ObjectReader, HostileTextDoesNotReachTheTerminal) {
  Reading reading;
  const Value value =
      Object{{"fruit", "\x1b[2J" + std::string(1'000'000, 'a')}, {"\x1b]0;evil\x07", 1}};
  ObjectReader reader(value, "", reading.errors);
  static_cast<void>(reader.choice("fruit", kFruits));
  reader.finish();
  ASSERT_EQ(reading.errors.size(), 2U);
  for (const std::string& line : reading.lines()) {
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
    EXPECT_EQ(line.find('\x07'), std::string::npos);
    EXPECT_LT(line.size(), 300U);
  }
}

}  // namespace
}  // namespace tokenscaler::json
