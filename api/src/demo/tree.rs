//! The organisations: the city's federation, its districts, 155 chambers, some of their firms.

use entity::organisation::{self, Kind};
use sea_orm::DatabaseTransaction;

use super::calendar;
use crate::{
    error::Failure,
    organisation::{Draft, WENZHOU, insert_all},
};

/// The city's own chambers: 30 of trades, 11 of people from elsewhere.
const OF_CITY: [&str; 41] = [
    "服装商会",
    "鞋革行业协会",
    "眼镜商会",
    "打火机行业协会",
    "合成革商会",
    "汽车零部件行业协会",
    "泵阀行业协会",
    "电气行业协会",
    "印刷行业协会",
    "包装行业协会",
    "家具行业协会",
    "锁具行业协会",
    "制笔行业协会",
    "剃须刀行业协会",
    "紧固件行业协会",
    "五金商会",
    "化工商会",
    "建筑装饰行业协会",
    "建材商会",
    "房地产商会",
    "餐饮行业协会",
    "旅游商会",
    "物流商会",
    "软件行业协会",
    "电子商务商会",
    "医药商会",
    "教育培训行业协会",
    "文化产业商会",
    "珠宝首饰商会",
    "农业企业商会",
    "四川商会",
    "重庆商会",
    "江西商会",
    "湖南商会",
    "湖北商会",
    "河南商会",
    "安徽商会",
    "福建商会",
    "贵州商会",
    "山东商会",
    "云南商会",
];

/// Those of the districts, in the order of [`WENZHOU`]: 114.
const OF_DISTRICTS: [&str; 12] = [
    "服装商会 鞋革行业协会 打火机行业协会 楼宇经济商会 餐饮商会 电子商务商会 五马街道商会 南汇街道商会 藤桥镇商会 山福镇商会",
    "制笔行业协会 不锈钢管业商会 食品制药机械商会 合成革商会 阀门商会 永中街道商会 状元街道商会 瑶溪街道商会 海滨街道商会 沙城街道商会",
    "眼镜商会 锁具行业协会 服装商会 电气商会 鞋材商会 娄桥街道商会 潘桥街道商会 郭溪街道商会 瞿溪街道商会 泽雅镇商会",
    "水产商会 海洋旅游商会 渔家民宿商会 石化仓储商会 北岙街道商会 东屏街道商会 霓屿街道商会 大门镇商会 鹿西乡商会",
    "泵阀行业协会 教玩具行业协会 纽扣拉链商会 鞋革商会 超市商会 上塘街道商会 瓯北街道商会 桥下镇商会 岩头镇商会",
    "皮革商会 塑编行业协会 宠物用品商会 文体用品商会 电器商会 昆阳镇商会 鳌江镇商会 水头镇商会 萧江镇商会 腾蛟镇商会",
    "机械商会 再生棉纺商会 水产冷链商会 矿山井巷商会 灵溪镇商会 钱库镇商会 金乡镇商会 宜山镇商会 马站镇商会",
    "侨商会 农产品商会 文旅商会 水电商会 大峃镇商会 珊溪镇商会 玉壶镇商会 南田镇商会 黄坦镇商会",
    "茶叶商会 石材商会 廊桥文旅商会 竹木商会 罗阳镇商会 司前镇商会 百丈镇商会 泗溪镇商会 雅阳镇商会",
    "汽摩配行业协会 机械商会 鞋革商会 高分子材料商会 针织商会 安阳街道商会 塘下镇商会 马屿镇商会 陶山镇商会 高楼镇商会",
    "电气行业协会 物联网商会 精密模具商会 服装商会 铁皮石斛商会 柳市镇商会 北白象镇商会 虹桥镇商会 大荆镇商会 清江镇商会",
    "印刷包装商会 纺织商会 礼品商会 新材料商会 塑料制品商会 龙港商会联合会 舥艚商会 芦浦商会 望里商会",
];

/// Names of firms, none of which is meant to be a real one's.
const FIRMS: [&str; 24] = [
    "青衿", "蓝汀", "鹭屿", "雁荻", "楠曦", "瓯岚", "塘澜", "孤屿", "栖霁", "云岙", "砚溪", "泽岫",
    "帆汐", "朔禾", "澄岩", "榕笙", "屿衡", "霁川", "荻浦", "汀舟", "岚舟", "梧野", "禾砚", "溪棹",
];

/// How many firms of a chamber are on record.
pub(super) const FIRMS_PER_CHAMBER: usize = 6;
/// How many chambers there are.
pub(super) const CHAMBERS: usize = 155;

/// A chamber, where it stands, and the firms that belong to it.
pub(super) struct Chamber {
    pub(super) row: organisation::Model,
    /// Its district's place in the list of districts; none for the city's own.
    pub(super) district: Option<usize>,
    pub(super) firms: Vec<organisation::Model>,
}

/// All organisations.
pub(super) struct Tree {
    pub(super) root: organisation::Model,
    pub(super) districts: Vec<organisation::Model>,
    pub(super) chambers: Vec<Chamber>,
    pub(super) departments: Vec<organisation::Model>,
    /// Where the academy's classes are held.
    pub(super) school: organisation::Model,
}

/// Plants the tree below its root.
pub(super) async fn plant(
    tx: &DatabaseTransaction,
    root: organisation::Model,
) -> Result<Tree, Failure> {
    let founded = calendar::at(calendar::day(1, 4), 9, 0);
    let below = async |parent: &organisation::Model, drafts: Vec<Draft>| {
        insert_all(tx, parent, drafts, founded).await
    };
    let federations = WENZHOU.iter().map(|(code, name)| Draft {
        kind: Kind::Federation,
        name: format!("{name}工商业联合会"),
        code: Some((*code).to_owned()),
    });
    let districts = below(&root, federations.collect()).await?;

    let mut rows = Vec::with_capacity(CHAMBERS);
    let named = |place: &str, name: &str| plain(Kind::Chamber, format!("{place}{name}"));
    let of_city = OF_CITY.iter().map(|it| named("温州市", it)).collect();
    rows.extend(below(&root, of_city).await?.into_iter().map(|row| (row, None)));
    for (at, (district, names)) in districts.iter().zip(OF_DISTRICTS).enumerate() {
        let drafts = names.split(' ').map(|it| named(WENZHOU[at].1, it)).collect();
        rows.extend(below(district, drafts).await?.into_iter().map(|row| (row, Some(at))));
    }

    let mut chambers = Vec::with_capacity(CHAMBERS);
    for (at, (row, district)) in rows.into_iter().enumerate() {
        let drafts = (0..FIRMS_PER_CHAMBER).map(|nth| {
            let number = at * FIRMS_PER_CHAMBER + nth;
            let name = format!(
                "温州{}{}有限公司",
                FIRMS[(number * 7 + number / FIRMS.len()) % FIRMS.len()],
                trade(&row.name)
            );
            Draft { kind: Kind::Enterprise, name, code: Some(credit_code(district, number)) }
        });
        let firms = below(&row, drafts.collect()).await?;
        chambers.push(Chamber { row, district, firms });
    }

    let departments = [
        "温州市经济和信息化局",
        "温州市商务局",
        "温州市市场监督管理局",
        "温州市司法局",
        "温州市税务局",
    ]
    .map(|name| plain(Kind::Department, name.to_owned()));
    let departments = below(&root, departments.into()).await?;
    let school = below(&root, vec![plain(Kind::School, "温州民营经济学院".to_owned())]).await?;
    let school = school.into_iter().next().ok_or_else(|| Failure::internal("no school"))?;
    Ok(Tree { root, districts, chambers, departments, school })
}

fn plain(kind: Kind, name: String) -> Draft {
    Draft { kind, name, code: None }
}

/// What a chamber's firms do: its name without the place and what it calls itself.
fn trade(chamber: &str) -> &str {
    let places = std::iter::once("温州市").chain(WENZHOU.iter().map(|it| it.1));
    let bare = places.fold(chamber, |it, place| it.strip_prefix(place).unwrap_or(it));
    let ends = ["行业协会", "街道商会", "镇商会", "乡商会", "商会联合会", "商会"];
    let of_place = OF_CITY[30..].contains(&bare)
        || ["街道商会", "镇商会", "乡商会", "联合会"].iter().any(|it| bare.ends_with(it));
    if of_place {
        return "实业";
    }
    ends.iter().find_map(|it| bare.strip_suffix(it)).unwrap_or("实业")
}

/// A credit code of the right shape and check digits (GB 32100) whose organisation part says that it is FAKE.
fn credit_code(district: Option<usize>, number: usize) -> String {
    const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    let region = district.map_or("330300", |at| WENZHOU[at].0);
    let organisation = format!("FAKE{number:04}");
    let weights = [3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 =
        organisation.chars().zip(weights).filter_map(|(c, w)| Some(c.to_digit(36)? * w)).sum();
    let own = match 11 - sum % 11 {
        10 => 'X',
        11 => '0',
        digit => char::from_digit(digit, 10).unwrap_or('0'),
    };
    let body = format!("91{region}{organisation}{own}");
    let mut weight = 1;
    let mut sum = 0;
    for c in body.chars() {
        sum += ALPHABET.find(c).unwrap_or(0) * weight;
        weight = weight * 3 % 31;
    }
    let check = ALPHABET.chars().nth((31 - sum % 31) % 31).unwrap_or('0');
    format!("{body}{check}")
}
