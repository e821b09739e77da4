package jobs

import "extranet/portal/notices"

var noticeEntities = []entity{
	{mirror: notices.Mirror},
	{mirror: notices.Items, with: "notices"},
}
