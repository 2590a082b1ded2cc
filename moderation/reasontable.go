package moderation

var reasonTable = []Reason{
	{Code: "profanity", Ground: GroundTerms, Texts: map[string]Text{"en": {"Offensive language", "Your text contains swear words or insults. Please say it without them."}}},
	{Code: "hate", Final: true, Ground: GroundIllegal, Texts: map[string]Text{"en": {"Hate or threats", "Your text attacks or threatens people. We do not publish that."}}},
	{Code: "personal_data", Ground: GroundTerms, Texts: map[string]Text{"en": {"Personal data", "Your text contains personal data such as a phone number, an e-mail address or a full name."}}},
	{Code: "spam", Final: true, Ground: GroundTerms, Texts: map[string]Text{"en": {"Advertising or spam", "Your text advertises something or was posted many times."}}},
	{Code: "url", Ground: GroundTerms, Texts: map[string]Text{"en": {"Link", "Your text contains a link. Please remove it."}}},
	{Code: "off_topic", Ground: GroundTerms, Texts: map[string]Text{"en": {"Not about the product", "Your text is not about this product or topic."}}},
}
